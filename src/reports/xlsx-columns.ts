import type { ColumnKind, ColumnType, TableColumn } from '../jobs/report-columns.ts';
import type { StyleTable } from './xlsx-styles.ts';

/** How the values of a column stand in a sheet. */
export type Shape = 'mixed' | 'text' | 'number' | 'boolean' | 'date' | 'time' | 'link';

/** A column of a sheet; the numbers are those of styles. */
export interface SheetColumn {
  column: TableColumn;
  letters: string;
  shape: Shape;
  style: number;
  /** For text in a column of something else: a numeral with too many digits, a date before 1900. */
  textStyle: number;
  /** For text that looks like a formula. */
  quotedStyle: number;
  linkStyle: number;
  headerStyle: number;
  totalStyle: number;
}

const shapesOfKinds: Record<ColumnKind, Shape> = {
  mixed: 'mixed',
  text: 'text',
  number: 'number',
  boolean: 'boolean',
  date: 'date',
  datetime: 'date',
  instant: 'date',
  time: 'time',
  json: 'text',
  bytes: 'text',
};
const shapesOfTypes: Record<ColumnType, Shape> = {
  text: 'text',
  number: 'number',
  boolean: 'boolean',
  date: 'date',
  datetime: 'date',
  link: 'link',
};

export const shapeOf = ({ kind, type }: Pick<TableColumn, 'kind' | 'type'>): Shape =>
  type === undefined ? shapesOfKinds[kind] : shapesOfTypes[type];

const usualFormats: Partial<Record<ColumnKind | ColumnType, string>> = {
  date: 'yyyy-mm-dd',
  datetime: 'yyyy-mm-dd hh:mm:ss',
  instant: 'yyyy-mm-dd hh:mm:ss"Z"',
  time: 'hh:mm:ss',
  // Excel shows booleans as words whatever the format; LibreOffice shows 1 and 0 without one.
  boolean: '"TRUE";"TRUE";"FALSE"',
};

/** Default: dates and times as ISO 8601 writes them, numbers as they are. */
export const formatOf = ({ kind, type, format }: TableColumn): string | undefined =>
  format ?? (type === 'datetime' && kind === 'instant' ? usualFormats.instant : usualFormats[type ?? kind]);

export const isNumeric = (shape: Shape) => shape === 'number' || shape === 'date' || shape === 'time';

/** @param filtered whether buttons stand at the right edge of the header */
export function sheetColumns(columns: readonly TableColumn[], { style }: StyleTable, filtered: boolean): SheetColumn[] {
  const letters = columnLetters(columns.length);
  return columns.map((column, index) => {
    const shape = shapeOf(column);
    const format = formatOf(column);
    const align = column.align ?? (isNumeric(shape) ? 'right' : shape === 'boolean' ? 'center' : undefined);
    return {
      column,
      letters: letters[index] ?? '',
      shape,
      style: style({ format, align: shape === 'boolean' ? align : column.align }),
      textStyle: style({ align }),
      quotedStyle: style({ format, align, quotePrefix: true }),
      linkStyle: style({ font: 'link', align: column.align }),
      headerStyle: style({ font: 'bold', fill: 'header', border: 'below', align, ...(align === 'right' && filtered && { indent: 2 }) }),
      totalStyle: style({ font: 'bold', border: 'above', align, format: column.total === 'count' ? undefined : format }),
    };
  });
}

/** A, B … Z, AA …: the letters of the first `count` columns. */
export function columnLetters(count: number): string[] {
  return Array.from({ length: count }, (_, index) => {
    let letters = '';
    for (let left = index + 1; left > 0; left = Math.floor((left - 1) / 26))
      letters = String.fromCharCode(65 + ((left - 1) % 26)) + letters;
    return letters;
  });
}
