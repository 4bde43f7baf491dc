import { format } from 'numfmt';

import type { Cell } from '../jobs/report.ts';
import { formatOf, type SheetColumn } from './xlsx-columns.ts';
import { serialOf, serialOfTime } from './serial-dates.ts';

/** Rows that are looked at for the width of columns. */
export const sampleSize = 200;

const least = 8;
/** Longer text is seen once the column is made wider. */
const most = 60;
/** For the margins of a cell, and for the button of a filter beside the header. */
const margin = 1.5;
const button = 3;

/** In digits of the standard font, as said or fitted to the header and the first rows. */
export function columnWidths(columns: readonly SheetColumn[], sample: Cell[][], filtered: boolean): number[] {
  return columns.map((one, index) => {
    if (one.column.width !== undefined) return one.column.width;
    // Bold letters are a little wider.
    const header = shownLength(one.column.title) * 1.1 + (filtered ? button : 0);
    const longest = sample.reduce((length, row) => Math.max(length, shownLength(shownText(row[index] ?? null, one))), header);
    return Math.round((Math.min(most, Math.max(least, longest)) + margin) * 10) / 10;
  });
}

function shownText(cell: Cell, { column, shape }: SheetColumn): string {
  if (cell === null) return '';
  const code = formatOf(column);
  const value = typeof cell === 'string' ? (shape === 'date' ? serialOf(cell) : shape === 'time' ? serialOfTime(cell) : undefined) : cell;
  if (code === undefined || typeof value !== 'number') return String(cell);
  return formatted(code, value);
}

/** A code that was never checked shows the number as it is. */
function formatted(code: string, value: number): string {
  try {
    return format(code, value);
  } catch {
    return String(value);
  }
}

/** Of the longest line; letters of East Asia and pictures take two places. */
function shownLength(text: string): number {
  let longest = 0;
  for (const line of text.slice(0, 1_000).split('\n')) {
    let length = 0;
    for (const letter of line) length += (letter.codePointAt(0) ?? 0) >= 0x1100 ? 2 : 1;
    longest = Math.max(longest, length);
  }
  return longest;
}
