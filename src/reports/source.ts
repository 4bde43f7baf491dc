import { pipeline, type Readable } from 'node:stream';

import { CsvError, parse } from 'csv-parse';

import { AppError } from '../errors.ts';
import type { Cell } from '../jobs/report.ts';
import { shownName } from './rows.ts';
import { checkedUtf8 } from './utf8.ts';

const mebibyte = 1024 * 1024;

export interface CsvOptions {
  /** Numerals become numbers. Default false. */
  numbers?: boolean;
  /** In MiB, default 16. Without a limit, one quote that is never closed would take the rest of the file into memory. */
  maxRowSize?: number;
}

export interface CsvSource {
  columns: string[];
  /** To be iterated once. Whoever never does must destroy the bytes. */
  rows: AsyncIterable<Cell[]>;
}

/**
 * RFC 4180 to the letter, in UTF-8, lines ended by CRLF or LF, with or without a byte order mark. An empty field is null.
 * With `numbers`, a canonical decimal numeral of at most 15 digits is a number (what a spreadsheet keeps exactly); all else is text.
 * @throws AppError `source_unreadable` with the line number; for all but the first rows while iterating
 */
export async function readCsv(bytes: Readable, { numbers = false, maxRowSize = 16 }: CsvOptions = {}): Promise<CsvSource> {
  const records = csvRecords(bytes, { maxRowSize });
  try {
    const header = await records.next();
    if (header.done === true) throw unreadable('The file is empty: its first line must name the columns.');
    checkColumns(header.value);
    const first = await records.next();
    if (first.done === true) throw unreadable('There are no rows after the first line, which names the columns.');
    return { columns: header.value, rows: cells(first.value, records, numbers ? typed : untyped) };
  } catch (error) {
    await records.return(undefined);
    throw error;
  }
}

export interface RecordOptions {
  /** In MiB. */
  maxRowSize: number;
  delimiter?: string;
  skipEmptyLines?: boolean;
}

/** @throws AppError `source_unreadable` with the line number */
export async function* csvRecords(
  bytes: Readable,
  { maxRowSize, delimiter = ',', skipEmptyLines = false }: RecordOptions,
): AsyncGenerator<string[], undefined> {
  let line = 1;
  const parser = parse({
    bom: true,
    delimiter,
    skip_empty_lines: skipEmptyLines,
    record_delimiter: ['\r\n', '\n'],
    max_record_size: maxRowSize * mebibyte,
    // The parser's own count takes a CRLF within quotes for two lines. This runs as rows are parsed, not as they are taken.
    on_record: (record: string[]) => {
      line += 1;
      for (const field of record) if (field.includes('\n')) line += field.split('\n').length - 1;
      return record;
    },
  });
  // Errors on the way destroy the parser with them, and so reach its reader.
  pipeline(bytes, checkedUtf8, parser, () => undefined);
  try {
    for await (const record of parser) yield record as string[];
  } catch (error) {
    throw error instanceof CsvError ? malformed(error, line, maxRowSize) : error;
  } finally {
    bytes.destroy();
  }
}

/** @throws AppError `source_unreadable` */
export function checkColumns(columns: string[]): void {
  const seen = new Set<string>();
  for (const [index, column] of columns.entries()) {
    if (column.trim() === '') throw unreadable(`Line 1: column ${String(index + 1)} has no name.`);
    if (seen.has(column)) throw unreadable(`Line 1: two columns are named ${shownName(column)}.`);
    seen.add(column);
  }
}

async function* cells(first: string[], others: AsyncGenerator<string[]>, cell: (field: string) => Cell): AsyncGenerator<Cell[]> {
  try {
    yield first.map(cell);
    for await (const record of others) yield record.map(cell);
  } finally {
    await others.return(undefined);
  }
}

function untyped(field: string): Cell {
  return field === '' ? null : field;
}

/** The length keeps the exponent within what a double can hold. */
export function typed(field: string): Cell {
  const numeral = field.length <= 40 && /^-?(0|[1-9]\d*)(\.\d+)?$/.test(field);
  if (!numeral) return untyped(field);
  const digits = field.replace(/[-.]/g, '').replace(/^0+/, '');
  return digits.length <= 15 ? Number(field) : field;
}

/** The cause is left out, it holds the row. @param line where the row begins */
function malformed(error: CsvError, line: number, maxRowSize: number): AppError {
  const row = `The row that begins in line ${String(line)}`;
  const code: string = error.code;
  switch (code) {
    case 'CSV_RECORD_INCONSISTENT_FIELDS_LENGTH': {
      const record = error['record'] as string[];
      if (record.length === 1 && record[0] === '') return unreadable(`Line ${String(line)} is empty.`);
      return unreadable(`${row} has ${String(record.length)} ${record.length === 1 ? 'field' : 'fields'}, unlike the first line.`);
    }
    case 'CSV_QUOTE_NOT_CLOSED':
      return unreadable(`${row} has a quote that is never closed.`);
    case 'CSV_MAX_RECORD_SIZE':
      return unreadable(`${row} is longer than ${String(maxRowSize)} MiB; a closing quote may be missing.`);
    default:
      return unreadable(`${row} has a quote in the wrong place: a field with quotes is quoted as a whole, and its own quotes are doubled.`);
  }
}

/** One JSON array of cells a line, as written by ourselves. @throws AppError `source_unreadable` with the line number */
export async function* readNdjson(bytes: Readable): AsyncGenerator<Cell[]> {
  let line = 0;
  let rest = '';
  // Not readline: it breaks lines at U+2028 and U+2029, too, which JSON leaves as they are.
  for await (const chunk of checkedUtf8(bytes)) {
    const lines = (rest + chunk.toString()).split('\n');
    rest = lines.pop() ?? '';
    for (const text of lines) yield jsonRow(text, ++line);
  }
  if (rest !== '') yield jsonRow(rest, ++line);
}

function jsonRow(text: string, line: number): Cell[] {
  try {
    const row: unknown = JSON.parse(text);
    if (Array.isArray(row)) return row as Cell[];
  } catch {
    throw unreadable(`Line ${String(line)} is not JSON.`);
  }
  throw unreadable(`Line ${String(line)} is not an array.`);
}

function unreadable(message: string): AppError {
  return new AppError('source_unreadable', message);
}
