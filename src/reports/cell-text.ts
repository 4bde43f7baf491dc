import { dateToSerial, format as formatted, isValidFormat } from 'numfmt';

import { AppError } from '../errors.ts';
import type { TableColumn } from '../jobs/report-columns.ts';
import type { Cell } from '../jobs/report-sources.ts';
import { shownName } from './rows.ts';

export type CellText = (cell: Cell) => string;

const numeral = /^-?(0|[1-9]\d*)(\.\d+)?$/;
const moment = /^(\d{4})-(\d\d)-(\d\d)(?:[ T](\d\d):(\d\d)(?::(\d\d)(?:\.\d+)?)?(?:Z|[+-]00(?::?00)?)?)?$/;
/** Before it, the serial numbers of spreadsheets are off by a day. */
const firstSerial = 61;

/** Dates and times by this type, or by what the rows hold. */
export const isMoment = ({ type, kind }: Pick<TableColumn, 'type' | 'kind'>): boolean =>
  type === undefined ? kind === 'date' || kind === 'datetime' || kind === 'instant' : type === 'date' || type === 'datetime';

export const isNumber = ({ type, kind }: Pick<TableColumn, 'type' | 'kind'>): boolean => (type ?? kind) === 'number';

/**
 * How the cells of a column read, by its format code. Numbers of more than 15 digits, which such codes would round, stand with
 * all their digits, and dates before March 1900 as in the data.
 * @throws AppError `query_invalid` for what is no format code
 */
export function cellText(column: Pick<TableColumn, 'name' | 'type' | 'kind' | 'format'>): CellText {
  const { name, format: code } = column;
  if (code === undefined) return plain;
  if (!isValidFormat(code)) throw new AppError('query_invalid', `The format of column ${shownName(name)} is not a number format code.`);
  const shown = (value: number, cell: string | number) => {
    const text = formatted(code, value).trim();
    return /^#+$/.test(text) ? String(cell) : text;
  };
  const [dates, numbers] = [isMoment(column), isNumber(column)];
  return (cell) => {
    if (typeof cell === 'number') return shown(cell, cell);
    if (typeof cell !== 'string') return plain(cell);
    if (dates) {
      const serial = serialOf(cell);
      return serial === undefined ? cell : shown(serial, cell);
    }
    return numbers && numeral.test(cell) && cell.replace(/^-?0*\.?0*|\./g, '').length <= 15 ? shown(Number(cell), cell) : cell;
  };
}

function plain(cell: Cell): string {
  return cell === null ? '' : String(cell);
}

function serialOf(text: string): number | undefined {
  const found = moment.exec(text);
  if (found === null) return undefined;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = found
    .slice(1)
    .map((part) => Number((part as string | undefined) ?? 0));
  const serial = dateToSerial([year, month, day, hour, minute, second]);
  return serial !== undefined && serial >= firstSerial ? serial : undefined;
}
