import { setImmediate } from 'node:timers/promises';

import { stringify } from 'csv-stringify/sync';

import type { Table } from '../../activities/report-table.ts';
import type { Cell } from '../jobs/report.ts';
import type { CsvOptions } from '../jobs/report-outputs.ts';
import { batchSize, checkRow } from './rows.ts';

/** OWASP, CSV Injection and ASVS 1.2.10: text that a spreadsheet would take for a formula, full-width forms included. */
// eslint-disable-next-line no-control-regex -- the control characters are the point
const formula = /^[=+\-@\u0000\t\n\r\uff1d\uff0b\uff0d\uff20]/;
const plainNumber = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

const byteOrderMark = '\ufeff';
export const lineEnds = { crlf: '\r\n', lf: '\n' } as const;

type Columns = Pick<Table, 'columns'>['columns'];

/** RFC 4180 in UTF-8, header first. Reads no row ahead of what the consumer took. */
export async function* writeCsv({ columns, rows }: Pick<Table, 'columns' | 'rows'>, options: CsvOptions = {}): AsyncGenerator<Uint8Array> {
  const width = columns.length;
  const field = fieldIn(options);
  let pending = csvHead(columns, options);
  let first = options.header === false;
  let batch: string[][] = [];
  let size = 0;
  let number = 0;
  const flush = () => {
    const text = pending + lines(batch, width, options);
    pending = '';
    batch = [];
    size = 0;
    return Buffer.from(text);
  };
  for await (const row of rows) {
    checkRow(row, columns, ++number);
    const fields = Array.from({ length: width }, (_, index) => field(row[index] ?? null));
    if (first) pending += lines([fields], width, options, [byteOrderMark]);
    else batch.push(fields);
    first = false;
    for (const text of fields) size += text.length + 1;
    if (size < batchSize) continue;
    yield flush();
    await setImmediate();
  }
  if (pending !== '' || batch.length > 0) yield flush();
}

/** What stands before the first row. */
export function csvHead(columns: Columns, options: CsvOptions): string {
  const { bom = false, header = true } = options;
  const titles = columns.map(({ title }) => fieldIn(options)(title));
  return (bom ? byteOrderMark : '') + (header ? lines([titles], columns.length, options, [byteOrderMark]) : '');
}

/** @param quoted further text for which a field is quoted: what would be a byte order mark when it stood bare at the beginning of a file */
function lines(records: string[][], width: number, options: CsvOptions, quoted: string[] = []): string {
  const { delimiter = ',', quote = 'minimal', lineEnd = 'crlf' } = options;
  return stringify(records, {
    delimiter,
    record_delimiter: lineEnds[lineEnd],
    // Off by default once record_delimiter is set: lone CR and LF would stand there bare.
    quote_record_delimiter: true,
    quoted: quote === 'all',
    // A lone empty field would be a blank line, which many readers skip.
    quoted_empty: width === 1 || quote === 'all',
    // `#` begins a comment for some readers, and the engine quotes it.
    quoted_match: ['#', ...quoted],
  });
}

/** A list that is no report. */
export function writeCsvList({ columns, rows }: { columns: readonly string[]; rows: AsyncIterable<Cell[]> }): AsyncGenerator<Uint8Array> {
  return writeCsv({ columns: columns.map((name) => ({ name, title: name, kind: 'mixed' })), rows });
}

function fieldIn({ formulas = 'guard' }: CsvOptions): (cell: Cell) => string {
  return (cell) => {
    if (cell === null) return '';
    if (typeof cell !== 'string') return String(cell);
    return formulas === 'guard' && formula.test(cell) && !plainNumber.test(cell) ? `'${cell}` : cell;
  };
}
