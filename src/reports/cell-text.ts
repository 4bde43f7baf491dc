import { format as formatted, isValidFormat } from 'numfmt';

import { AppError } from '../errors.ts';
import type { TableColumn } from '../jobs/report-columns.ts';
import type { Cell } from '../jobs/report-sources.ts';
import { shownName } from './rows.ts';
import { serialOf, serialOfTime } from './serial-dates.ts';
import { typed } from './source.ts';
import { shapeOf } from './xlsx-columns.ts';

export type CellText = (cell: Cell) => string;

/** Of separators and names of months, where the format names none. */
export const usualLocale = 'en';

/** Dates and times by this type, or by what the rows hold. */
export const isMoment = (column: TableColumn): boolean => shapeOf(column) === 'date';

export const isNumber = (column: TableColumn): boolean => shapeOf(column) === 'number';

/**
 * How the cells of a column read on a page, by its number format; without one as they are. Numerals that a double can't keep stand
 * with all their digits, and dates before March 1900 as in the data.
 * @throws AppError `query_invalid` for what is no number format
 */
export function cellText(column: TableColumn, locale: string = usualLocale): CellText {
  const { name, format: code } = column;
  if (code === undefined) return plain;
  if (!isValidFormat(code)) throw new AppError('query_invalid', `The format of column ${shownName(name)} is not a number format code.`);
  const shape = shapeOf(column);
  return (cell) => {
    const value =
      typeof cell !== 'string'
        ? cell
        : shape === 'date'
          ? serialOf(cell)
          : shape === 'time'
            ? serialOfTime(cell)
            : shape === 'number'
              ? typed(cell)
              : cell;
    if (typeof value !== 'number') return plain(cell);
    const text = formatted(code, value, { locale }).trim();
    return /^#+$/.test(text) ? plain(cell) : text;
  };
}

const plain = (cell: Cell): string => (cell === null ? '' : String(cell));
