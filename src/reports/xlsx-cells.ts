import type { Cell } from '../jobs/report.ts';
import { serialOf, serialOfTime } from './serial-dates.ts';
import { typed } from './source.ts';
import type { SheetColumn } from './xlsx-columns.ts';
import { escapeText, looksLikeFormula } from './xlsx-text.ts';

/**
 * One row; empty cells are left out.
 * @param number of the row within its sheet, from 1
 * @param linked makes a link of a cell, and says whether it could
 */
export function rowXml(
  cells: Cell[],
  number: number,
  columns: readonly SheetColumn[],
  linked: (reference: string, url: string) => boolean,
): string {
  const row = String(number);
  let xml = `<row r="${row}">`;
  for (let index = 0; index < cells.length; index++) {
    const cell = cells[index] ?? null;
    const column = columns[index];
    if (cell === null || column === undefined) continue;
    const reference = column.letters + row;
    const isLink = column.shape === 'link' && typeof cell === 'string' && linked(reference, cell);
    xml += `<c r="${reference}"${isLink ? textCell(cell, column.linkStyle) : content(cell, column)}</c>`;
  }
  return `${xml}</row>`;
}

export const styled = (style: number) => (style === 0 ? '' : ` s="${String(style)}"`);

/** From the attributes behind the reference to the end of the value. */
export const numberCell = (value: number, style: number) => `${styled(style)}><v>${String(value)}</v>`;

export function textCell(text: string, style: number): string {
  const space = /^[ \t\n\r]|[ \t\n\r]$/.test(text) ? ' xml:space="preserve"' : '';
  return `${styled(style)} t="inlineStr"><is><t${space}>${escapeText(text)}</t></is>`;
}

function content(cell: string | number | boolean, column: SheetColumn): string {
  const { shape, style, textStyle, quotedStyle } = column;
  const value = shaped(cell, column);
  if (typeof value === 'number') return numberCell(value, shape === 'text' ? textStyle : style);
  if (typeof value === 'boolean') return `${styled(style)} t="b"><v>${value ? '1' : '0'}</v>`;
  // A numeral with too many digits is none, though it may begin with a sign.
  const numeral = shape === 'number' && /^-?\d+(\.\d+)?$/.test(value);
  if (looksLikeFormula.test(value) && !numeral) return textCell(value, quotedStyle);
  return textCell(value, shape === 'text' || shape === 'mixed' || shape === 'link' ? style : textStyle);
}

function shaped(cell: string | number | boolean, { shape }: SheetColumn): string | number | boolean {
  if (shape === 'text') return String(cell);
  if (typeof cell !== 'string') return cell;
  if (shape === 'date') return serialOf(cell) ?? cell;
  if (shape === 'time') return serialOfTime(cell) ?? cell;
  if (shape === 'number') return typed(cell) ?? cell;
  if (shape === 'boolean' && /^(true|false)$/.test(cell)) return cell === 'true';
  return cell;
}
