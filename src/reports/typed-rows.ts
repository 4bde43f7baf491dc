import { createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

import type { DuckDBConnection } from '@duckdb/node-api';

import { AppError } from '../errors.ts';
import type { RemoteColumn, RemoteType } from '../jobs/data-sources.ts';
import { batchSize, unwritable } from './rows.ts';
import { literal, quoted } from './sql-text.ts';
import { longestRow } from './unpack-source.ts';
import type { UnpackBudget } from './unpacked.ts';

/** Rows of which each value is text already, and each column has a type. */
export interface TypedRows {
  columns: readonly RemoteColumn[];
  batches: AsyncIterable<(string | null)[][]>;
  /** Of all columns, once the rows are read. Default: those that the columns have. */
  types?: () => RemoteType[];
}

/** How many digits the numerals of a column have; undefined: some are none, like NaN. */
interface Digits {
  whole: number;
  fraction: number;
}

const numeral = /^-?(\d+)(?:\.(\d+))?$/;
/** A value is never taken for it: those stand in quotes. */
const nothing = '\\N';

/** Writes rows as the engine reads them, and then knows their types. @throws AppError `source_too_large`, `source_unreadable` */
export async function writeTypedRows(
  path: string,
  { columns, batches, types }: TypedRows,
  { budget, signal }: { budget: UnpackBudget; signal: AbortSignal },
): Promise<string[]> {
  const digits = columns.map(({ scale = 0 }): Digits | undefined => ({ whole: 1, fraction: scale }));
  const measured = columns.flatMap(({ type }, index) => (type === 'NUMERAL' ? [index] : []));
  let count = 0;
  const line = (row: readonly (string | null)[]): string => {
    count += 1;
    for (const index of measured) digits[index] = widened(digits[index], row[index] ?? null);
    const text = `${row.map((value) => (value === null ? nothing : `"${value.includes('"') ? value.replaceAll('"', '""') : value}"`)).join(',')}\n`;
    // As the engine counts: a character has at most three bytes.
    if (text.length > longestRow.csv / 3 && Buffer.byteLength(text) >= longestRow.csv)
      throw unwritable(`Row ${String(count)} is longer than ${String(longestRow.csv / 1024 / 1024)} MiB.`);
    return text;
  };
  const lines = async function* (): AsyncGenerator<Buffer> {
    let batch = '';
    const taken = () => {
      const bytes = Buffer.from(batch);
      batch = '';
      budget.left -= bytes.length;
      if (budget.left < 0)
        throw new AppError('source_too_large', `The sources are larger than ${String(budget.limitMb)} MiB when they are unpacked.`);
      return bytes;
    };
    for await (const rows of batches)
      for (const row of rows) {
        batch += line(row);
        if (batch.length >= batchSize) yield taken();
      }
    yield taken();
  };
  if (columns.length === 0) throw unwritable('There are no columns.');
  await pipeline(Readable.from(lines()), createWriteStream(path, { flags: 'wx', mode: 0o600 }), { signal });
  if (types) return types();
  return columns.map(({ type }, index) => (type === 'NUMERAL' ? numeralType(digits[index]) : type));
}

function widened(before: Digits | undefined, value: string | null): Digits | undefined {
  if (before === undefined || value === null) return before;
  const parts = numeral.exec(value);
  if (parts === null) return undefined;
  const [, whole = '', fraction = ''] = parts;
  if (whole.length <= before.whole && fraction.length <= before.fraction) return before;
  return { whole: Math.max(before.whole, whole.length), fraction: Math.max(before.fraction, fraction.length) };
}

/** What no decimal holds stays text, so that nothing is lost. */
function numeralType(digits: Digits | undefined): string {
  if (digits === undefined || digits.whole + digits.fraction > 38) return 'VARCHAR';
  return `DECIMAL(${digits.whole + digits.fraction <= 18 ? '18' : '38'}, ${String(digits.fraction)})`;
}

/** @param types as `writeTypedRows` gave them. */
export async function createTypedTable(
  connection: DuckDBConnection,
  { name, path, columns, types }: { name: string; path: string; columns: readonly RemoteColumn[]; types: readonly string[] },
): Promise<void> {
  const names = differentNames(columns.map((column) => column.name));
  const declared = types.map((type, index) => `c${String(index)}: ${literal(type === 'HEX' ? 'VARCHAR' : type)}`);
  const shown = types.map((type, index) => {
    const column = `c${String(index)}`;
    return `${type === 'HEX' ? `unhex(${column})` : column} as ${quoted(names[index] ?? '')}`;
  });
  // A line end within a value could be taken for the end of a row where several threads begin in the middle.
  await connection.run(
    `create view ${quoted(name)} as select ${shown.join(', ')} from read_csv(${literal(path)}, auto_detect = false, header = false, delim = ',', ` +
      `quote = '"', escape = '"', new_line = '\\n', nullstr = ${literal(nothing)}, allow_quoted_nulls = false, parallel = false, ` +
      `max_line_size = ${String(longestRow.csv)}, buffer_size = ${String(2 * longestRow.csv)}, columns = {${declared.join(', ')}})`,
  );
}

/** As the engine names the columns of a query: a second one gets `_1` behind it. Case does not tell names apart. */
function differentNames(names: readonly string[]): string[] {
  const taken = new Set<string>();
  return names.map((name, index) => {
    const base = name === '' ? `column${String(index + 1)}` : name;
    let one = base;
    for (let number = 1; taken.has(one.toLowerCase()); number++) one = `${base}_${String(number)}`;
    taken.add(one.toLowerCase());
    return one;
  });
}
