import { setImmediate } from 'node:timers/promises';

import { stringify } from 'csv-stringify/sync';

import type { Table } from '../../activities/report.ts';
import type { Cell } from '../jobs/report.ts';
import { batchSize, checkRow } from './rows.ts';

/** OWASP, CSV Injection and ASVS 1.2.10: text that a spreadsheet would take for a formula, full-width forms included. */
// eslint-disable-next-line no-control-regex -- the control characters are the point
const formula = /^[=+\-@\u0000\t\n\r\uff1d\uff0b\uff0d\uff20]/;
const plainNumber = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

/** RFC 4180 in UTF-8 without a byte order mark, header first. Reads no row ahead of what the consumer took. */
export async function* writeCsv({ columns, rows }: Pick<Table, 'columns' | 'rows'>): AsyncGenerator<Uint8Array> {
  const width = columns.length;
  let batch = [
    record(
      columns.map(({ title }) => title),
      width,
    ),
  ];
  let size = 0;
  let number = 0;
  const options = {
    record_delimiter: '\r\n',
    // Off by default once record_delimiter is set: lone CR and LF would stand there bare.
    quote_record_delimiter: true,
    // A lone empty field would be a blank line, which many readers skip.
    quoted_empty: width === 1,
    // Quoted it is data, bare at the beginning a byte order mark.
    quoted_match: '\ufeff',
  };
  const encoded = () => Buffer.from(stringify(batch, options));
  for await (const row of rows) {
    checkRow(row, columns, ++number);
    const fields = record(row, width);
    batch.push(fields);
    for (const field of fields) size += field.length + 1;
    if (size < batchSize) continue;
    yield encoded();
    batch = [];
    size = 0;
    await setImmediate();
  }
  if (batch.length > 0) yield encoded();
}

/** A list that is no report. */
export function writeCsvList({ columns, rows }: { columns: readonly string[]; rows: AsyncIterable<Cell[]> }): AsyncGenerator<Uint8Array> {
  return writeCsv({ columns: columns.map((name) => ({ name, title: name, kind: 'mixed' })), rows });
}

function record(row: Cell[], width: number): string[] {
  return Array.from({ length: width }, (_, index) => field(row[index] ?? null));
}

function field(cell: Cell): string {
  if (cell === null) return '';
  if (typeof cell !== 'string') return String(cell);
  return formula.test(cell) && !plainNumber.test(cell) ? `'${cell}` : cell;
}
