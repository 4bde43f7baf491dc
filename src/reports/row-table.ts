import { createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

import type { DuckDBConnection } from '@duckdb/node-api';

import type { Cell } from '../jobs/report-sources.ts';
import { batchSize } from './rows.ts';
import { literal, quoted } from './sql-text.ts';

type Kind = 'BIGINT' | 'DOUBLE' | 'BOOLEAN' | 'VARCHAR';

/** Cells as a table of the engine: a column of numbers only is one of numbers, one of different things is text. */
export async function createRowTable(
  connection: DuckDBConnection,
  { name, path, columns, rows }: { name: string; path: string; columns: string[]; rows: AsyncIterable<Cell[]> },
): Promise<void> {
  const kinds: (Kind | undefined)[] = columns.map(() => undefined);
  const lines = async function* (): AsyncGenerator<Buffer> {
    let batch = '';
    for await (const row of rows) {
      for (let index = 0; index < columns.length; index++) kinds[index] = widened(kinds[index], row[index] ?? null);
      batch += `${JSON.stringify(Object.fromEntries(columns.map((_, index) => [`c${String(index)}`, row[index] ?? null])))}\n`;
      if (batch.length < batchSize) continue;
      yield Buffer.from(batch);
      batch = '';
    }
    yield Buffer.from(batch);
  };
  await pipeline(Readable.from(lines()), createWriteStream(path, { flags: 'wx', mode: 0o600 }));
  const types = kinds.map((kind, index) => `c${String(index)}: '${kind ?? 'VARCHAR'}'`);
  const named = columns.map((column, index) => `c${String(index)} as ${quoted(column)}`);
  await connection.run(
    `create view ${quoted(name)} as select ${named.join(', ')} from read_json(${literal(path)}, format = 'newline_delimited', columns = {${types.join(', ')}})`,
  );
}

function widened(before: Kind | undefined, cell: Cell): Kind | undefined {
  if (cell === null) return before;
  const kind =
    typeof cell === 'number' ? (Number.isSafeInteger(cell) ? 'BIGINT' : 'DOUBLE') : typeof cell === 'boolean' ? 'BOOLEAN' : 'VARCHAR';
  if (before === undefined || before === kind) return kind;
  const numbers = [before, kind].every((one) => one === 'BIGINT' || one === 'DOUBLE');
  return numbers ? 'DOUBLE' : 'VARCHAR';
}
