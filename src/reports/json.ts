import { setImmediate } from 'node:timers/promises';

import type { Table } from '../../activities/report-table.ts';
import type { Cell } from '../jobs/report.ts';
import { batchSize, checkRow } from './rows.ts';

/** One object a row. Columns that hold JSON stand in it as what they are. */
async function* objects({ columns, rows }: Table): AsyncGenerator<string> {
  const names = columns.map(({ name }) => JSON.stringify(name));
  const nested = columns.map(({ kind }) => kind === 'json');
  let number = 0;
  for await (const row of rows) {
    checkRow(row, columns, ++number);
    yield `{${names.map((name, index) => `${name}:${valueOf(row[index] ?? null, nested[index] === true)}`).join(',')}}`;
  }
}

const valueOf = (cell: Cell, nested: boolean) => (nested && typeof cell === 'string' ? cell : JSON.stringify(cell));

/** One object a line, each ended by LF. */
export async function* writeNdjson(table: Table): AsyncGenerator<Uint8Array> {
  yield* batched(objects(table), { start: '', between: '\n', end: (any) => (any ? '\n' : '') });
}

/** One array of objects, each in a line of its own. */
export async function* writeJson(table: Table): AsyncGenerator<Uint8Array> {
  yield* batched(objects(table), { start: '[\n', between: ',\n', end: (any) => (any ? '\n]\n' : ']\n') });
}

interface Layout {
  start: string;
  between: string;
  end: (any: boolean) => string;
}

async function* batched(texts: AsyncIterable<string>, { start, between, end }: Layout): AsyncGenerator<Uint8Array> {
  let batch = start;
  let any = false;
  for await (const text of texts) {
    batch += any ? between + text : text;
    any = true;
    if (batch.length < batchSize) continue;
    yield Buffer.from(batch);
    batch = '';
    await setImmediate();
  }
  yield Buffer.from(batch + end(any));
}
