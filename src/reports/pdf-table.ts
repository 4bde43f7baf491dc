import type { Content, TableCell, TableLayout } from 'pdfmake';

import { AppError } from '../errors.ts';
import type { TableColumn } from '../jobs/report-columns.ts';
import { isNumber } from './cell-text.ts';
import { beginsBackwards, ownLines, runsBackwards } from './own-lines.ts';
import { type ColumnNeed, type FittedColumns, padding } from './pdf-columns.ts';
import type { TypeSetter } from './type-setting.ts';

/** Of one column, in thousandths of the font size: grown by each text that stands in it. */
export interface Measure {
  take: (text: string, bold?: boolean) => void;
  need: () => ColumnNeed;
}

/** Where digits and dates stand, a cut would make others of them. */
const uncut = (column: TableColumn) => isNumber(column) || ['date', 'datetime', 'instant', 'time'].includes(column.kind);

export function measured(column: TableColumn, setter: TypeSetter): Measure {
  let natural = 0;
  let least = 0;
  const seen = { length: 0 };
  const numeric = uncut(column);
  const take = (text: string, bold = false) => {
    for (const line of text.includes('\n') ? text.split('\n') : [text]) natural = Math.max(natural, setter.width(line, bold));
    if (numeric && !bold) least = natural;
    // The longest word can only be in a text of more than its length.
    else if (text.length * 400 > least || seen.length === 0)
      for (const word of text.split(/\s+/)) least = Math.max(least, setter.width(word, bold));
    seen.length = Math.max(seen.length, text.length);
  };
  // The width of a digit, as spreadsheets have it.
  const given = column.width === undefined ? {} : { given: column.width * setter.width('0') };
  return { take, need: () => ({ natural, least, ...given }) };
}

export interface TableTexts {
  columns: readonly TableColumn[];
  header: string[];
  rows: string[][];
  /** The last row. */
  totals?: string[];
  /** Of each column, with all of these texts. */
  needs: readonly ColumnNeed[];
}

/** Room between lines, in parts of the font size. */
const lineHeight = 1.4;
/** In points: rows that are lower are never divided between pages. Twice as much fits every page, as words may leave room at the ends of lines. */
const highestWhole = 100;

/** The table, its header on each page. @throws AppError `report_too_large` */
export function pdfTable({ columns, header, rows, totals, needs }: TableTexts, fitted: FittedColumns, setter: TypeSetter): Content {
  const { widths, fontSize } = fitted;
  const aligned = columns.map(({ align, ...column }) => align ?? (isNumber(column as TableColumn) ? 'right' : 'left'));
  /** Whether each line of the column has its room, by far. */
  const fits = needs.map(({ natural }, index) => (natural * fontSize * 1.1) / 1000 <= Math.max(widths[index] ?? 0, 1));
  const heights: number[] = [];
  let highest = 0;

  function cell(text: string, index: number, bold: boolean): TableCell {
    const room = widths[index] ?? 0;
    const width = (piece: string) => (setter.width(piece, bold) * fontSize) / 1000;
    const alignment = columns[index]?.align === undefined && beginsBackwards(text) ? 'right' : (aligned[index] ?? 'left');
    const lines =
      (fits[index] && !bold ? 1 : Math.ceil((width(text) * 1.1) / Math.max(room, 1))) +
      (text.includes('\n') ? text.split('\n').length - 1 : 0);
    if (lines > 1) highest = Math.max(highest, lines * fontSize * lineHeight);
    const looks = { ...(alignment !== 'left' && { alignment }), ...(bold && { bold }), ...linkOf(columns[index], text) };
    // A word that is cut may be cut within a character, when it is one of two units.
    if (runsBackwards(text) || (lines > 1 && /[\ud800-\udbff]/.test(text))) {
      const own = ownLines(text, room * 0.97, width);
      return { stack: own.map((pieces) => ({ text: pieces.flatMap((piece) => setter.runs(piece)), noWrap: true })), ...looks };
    }
    const runs = setter.runs(text);
    return runs.length <= 1 && runs[0]?.font === setter.font && Object.keys(looks).length === 0 ? text : { text: runs, ...looks };
  }

  const line = (texts: string[], bold: boolean) => {
    highest = 0;
    const cells = columns.map((_, index) => cell(texts[index] ?? '', index, bold));
    heights.push(highest);
    return cells;
  };
  const body: TableCell[][] = [line(header, true)];
  // What is drawn needs no second copy.
  for (let index = 0; index < rows.length; index++) {
    body.push(line(rows[index] ?? [], false));
    rows[index] = [];
  }
  if (totals !== undefined) body.push(line(totals, true));
  const [ofHeader = 0, ofFirst = 0] = heights;
  // It stands on each page, in one piece.
  if (ofHeader > highestWhole)
    throw new AppError('report_too_large', 'The titles of the columns take too much of a page. Take shorter titles, or fewer columns.');
  const tallest = heights.reduce((most, height) => Math.max(most, height), 0);
  return {
    table: {
      headerRows: 1,
      keepWithHeaderRows: ofFirst < highestWhole ? 1 : 0,
      widths,
      body,
      ...(tallest > 0 && tallest < highestWhole && { dontBreakRows: true }),
    },
    layout: rules(body.length, totals !== undefined, padding(fontSize)),
    fontSize,
  };
}

function linkOf(column: TableColumn | undefined, text: string) {
  return column?.type === 'link' && /^(https?:\/\/|mailto:)\S+$/.test(text) ? { link: text, color: '#1a4f8b' } : {};
}

/** Thin rules between rows, stronger ones below the header and above the totals. */
function rules(length: number, totals: boolean, gap: number): TableLayout {
  const strong = (index: number) => index === 1 || (totals && index === length - 1);
  return {
    hLineWidth: (index) => (index === 0 ? 0 : strong(index) ? 0.8 : 0.3),
    vLineWidth: () => 0,
    hLineColor: (index) => (strong(index) ? '#333333' : '#cccccc'),
    fillColor: (row) => (row === 0 ? '#eef1f5' : null),
    paddingLeft: () => gap,
    paddingRight: () => gap,
    paddingTop: () => 2.5,
    paddingBottom: () => 2.5,
  };
}
