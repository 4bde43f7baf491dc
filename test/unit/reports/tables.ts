import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';

import type { Table } from '../../../activities/report-table.ts';
import type { Cell } from '../../../src/jobs/report.ts';
import type { TableColumn } from '../../../src/jobs/report-columns.ts';

// eslint-disable-next-line @typescript-eslint/require-await -- an async view of an array
export async function* rowsOf(rows: Iterable<Cell[]>): AsyncGenerator<Cell[]> {
  yield* rows;
}

export function columnsOf(names: readonly string[]): TableColumn[] {
  return names.map((name) => ({ name, title: name, kind: 'mixed' }));
}

export function table(columns: string[], rows: Iterable<Cell[]>, title = 'Test'): Table {
  return { title, columns: columnsOf(columns), total: null, rows: rowsOf(rows) };
}

/** An endless table that tells when it was closed. */
export function endlessTable(): Table & { closed: () => boolean; taken: () => number } {
  let closed = false;
  let taken = 0;
  // eslint-disable-next-line @typescript-eslint/require-await -- never waits: the hardest source to stay fair to
  async function* rows(): AsyncGenerator<Cell[]> {
    try {
      for (;;) yield [++taken, `text ${String(Math.imul(taken, 2_654_435_761))}`];
    } finally {
      closed = true;
    }
  }
  return { title: 'Endless', columns: columnsOf(['n', 'text']), total: null, rows: rows(), closed: () => closed, taken: () => taken };
}

/** A table that breaks after `count` rows. */
export function breakingTable(count: number, error: Error): Table {
  // eslint-disable-next-line @typescript-eslint/require-await -- an async view
  async function* rows(): AsyncGenerator<Cell[]> {
    for (let n = 0; n < count; n++) yield [n, 'x'];
    throw error;
  }
  return { title: 'Breaks', columns: columnsOf(['n', 'x']), total: null, rows: rows() };
}

export async function bytesOf(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return Buffer.concat(all);
}

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

export async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}

/** As from a file, in chunks of `size` bytes. */
export function streamOf(content: string | Uint8Array, size = 64 * 1024): Readable {
  const bytes = Buffer.from(content);
  const chunks: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += size) chunks.push(bytes.subarray(at, at + size));
  return Readable.from(chunks, { objectMode: false });
}
