import { format } from 'numfmt';

import type { Cell } from '../jobs/report.ts';
import type { TableColumn } from '../jobs/report-columns.ts';
import { serialOf, serialOfTime } from './serial-dates.ts';
import { typed } from './source.ts';
import { shapeOf } from './xlsx-columns.ts';

/**
 * A value as a page shows it: by the number format of its column; without one as it is.
 * @param locale of separators and names of months, where the format names none
 */
export function shownValue(cell: Cell, column: TableColumn, locale: string): string {
  if (cell === null) return '';
  const code = column.format;
  if (code === undefined) return String(cell);
  const value = typeof cell === 'string' ? numberOf(cell, column) : cell;
  if (typeof value !== 'number') return String(cell);
  try {
    return format(code, value, { locale });
  } catch {
    // A code that was never checked.
    return String(cell);
  }
}

/** Numerals that a double can't keep are shown with all their digits. */
function numberOf(text: string, column: TableColumn): Cell | undefined {
  const shape = shapeOf(column);
  if (shape === 'date') return serialOf(text);
  if (shape === 'time') return serialOfTime(text);
  return shape === 'number' ? typed(text) : undefined;
}
