import { AppError } from '../errors.ts';
import type { Cell } from '../jobs/report.ts';
import type { TableColumn } from '../jobs/report-columns.ts';

/** Text that is collected before it is handed on, in characters: bounds memory, and how long the event loop is kept. */
export const batchSize = 65_536;

/**
 * What no output format can hold.
 * @param number of the data row, from 1
 * @throws AppError `source_unreadable`
 */
export function checkRow(cells: Cell[], columns: readonly TableColumn[], number: number, maxTextLength = Infinity): void {
  if (cells.length > columns.length) {
    throw unwritable(`Row ${String(number)} has ${String(cells.length)} cells, but there are ${String(columns.length)} columns.`);
  }
  for (const [index, cell] of cells.entries()) {
    if (typeof cell === 'string' ? cell.length > maxTextLength : typeof cell === 'number' && !Number.isFinite(cell)) {
      const length = typeof cell === 'string' ? cell.length : undefined;
      throw cellProblem({ row: number, column: columns[index]?.name ?? '', length, maxTextLength });
    }
  }
}

/** @param length of a text that is too long; undefined: a number that is none */
export function cellProblem({
  row,
  column,
  length,
  maxTextLength,
}: {
  row: number;
  column: string;
  length: number | undefined;
  maxTextLength: number;
}): AppError {
  const problem =
    length === undefined
      ? 'the number is not finite'
      : `the text has ${String(length)} characters; this format takes at most ${String(maxTextLength)} in a cell`;
  return unwritable(`Row ${String(row)}, column ${shownName(column)}: ${problem}.`);
}

/** For messages, which travel and must stay small. */
export function shownName(column: string): string {
  return JSON.stringify(column.length > 60 ? `${column.slice(0, 60)}…` : column);
}

export function unwritable(message: string): AppError {
  return new AppError('source_unreadable', message);
}
