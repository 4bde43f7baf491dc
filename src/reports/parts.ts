import { open, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';

import type { WrittenRows } from '../../activities/report-table.ts';
import { ioMemory } from '../io-memory.ts';
import type { Engine } from './duckdb.ts';
import { literal } from './sql-text.ts';

/** Written at once. */
const lanes = 2;
/** Of one part on the disk; one more than there are lanes lie there. */
const partBytes = 32 * 1024 * 1024;
/** How many rows show how long they become. */
const firstRows = 4_096;
const readBytes = 1024 * 1024;

const ignored = () => undefined;
export const partPaths = (directory: string): string[] =>
  Array.from({ length: lanes + 1 }, (_, index) => join(directory, `rows-${String(index)}`));

/** A group of rows in a Parquet file. */
export interface RowGroup {
  rows: number;
  /** At least, of a row. */
  bytes: number;
}

/** Undefined where rows could not be counted beside a column of that name. */
export async function rowGroupsOf({ connection }: Engine, path: string): Promise<RowGroup[] | undefined> {
  const file = literal(path);
  const names = await connection.runAndReadAll(`select lower(name) from parquet_schema(${file})`);
  if (names.getRows().some(([name]) => name === 'file_row_number')) return undefined;
  const groups = await connection.runAndReadAll(
    `select any_value(row_group_num_rows), sum(total_uncompressed_size) from parquet_metadata(${file}) group by row_group_id order by row_group_id`,
  );
  return groups.getRows().map(([rows, bytes]) => ({ rows: Number(rows), bytes: Number(bytes) / Number(rows) }));
}

/** Of rows, from 0. */
export interface Range {
  from: number;
  to: number;
}

export interface Parts {
  /** Of one thread: each part is then written by one, in order. */
  engine: Engine;
  directory: string;
  signal: AbortSignal;
  groups: readonly RowGroup[];
  /** Parts end after multiples of so many rows, and may end before. */
  every: number;
  /** What writes these rows to that file. */
  statement: (range: Range, file: string) => string;
}

/** Rows within a Parquet file, for a statement. */
export const rangeOf = (path: string, { from, to }: Range): string =>
  `read_parquet(${literal(path)}, file_row_number = true) where file_row_number >= ${String(from)} and file_row_number < ${String(to)}`;

/**
 * The engine writes rows to some files at once while an earlier one is read: told to keep the order in one file, it would use one
 * processor, or twice the memory. Parts are as long as groups of rows where they can be: the engine then skips what it does not need.
 */
export async function* writtenParts({ engine, directory, signal, groups, every, statement }: Parts): AsyncGenerator<WrittenRows> {
  const paths = partPaths(directory);
  const stopped = new AbortController();
  const either = AbortSignal.any([signal, stopped.signal]);
  const connections = [engine.connection];
  const write = async (range: Range, turn: number) => {
    const file = paths[turn % paths.length] ?? '';
    const connection = (connections[turn % lanes] ??= await engine.connect());
    await engine.interruptible(either, () => connection.run(statement(range, file)), connection);
    return { rows: range.to - range.from, file, size: (await stat(file)).size };
  };
  const ranges = partRanges(groups, every);
  const underway: ReturnType<typeof write>[] = [];
  let [turn, measured] = [0, 0];
  const begin = () => {
    // The first one, alone, shows how long rows become.
    while (underway.length < (measured === 0 ? 1 : lanes)) {
      const range = ranges(measured);
      if (range === undefined) return;
      const part = write(range, turn++);
      // It is awaited in its turn.
      part.catch(ignored);
      underway.push(part);
    }
  };
  const buffer = ioMemory(readBytes);
  try {
    begin();
    while (underway.length > 0) {
      const { rows, file, size } = (await underway.shift()) as Awaited<ReturnType<typeof write>>;
      measured = size / rows;
      begin();
      yield { rows, bytes: read(file, buffer) };
      await rm(file);
    }
  } finally {
    stopped.abort();
    await Promise.allSettled(underway);
    for (const connection of connections.slice(1)) connection.closeSync();
  }
}

/** Each chunk lies in the same buffer: a stream would make garbage faster than it is collected. */
async function* read(file: string, buffer: Buffer): AsyncGenerator<Uint8Array> {
  const handle = await open(file);
  try {
    for (;;) {
      const { bytesRead } = await handle.read(buffer, 0, buffer.length, null);
      if (bytesRead === 0) return;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await handle.close();
  }
}

/** @returns for the measured bytes of a row, or 0, what to write next */
function partRanges(groups: readonly RowGroup[], every: number): (measured: number) => Range | undefined {
  let [at, group, groupEnd] = [0, 0, groups[0]?.rows ?? 0];
  return (measured) => {
    const from = at;
    const untilSheetEnds = every - (at % every);
    for (let room = partBytes; group < groups.length;) {
      const bytes = Math.max(measured, groups[group]?.bytes ?? 0);
      const fitting = measured === 0 ? firstRows : Math.floor(room / bytes);
      const left = groupEnd - at;
      // Rather a little more than a small rest.
      const rows = left <= fitting * 1.5 ? left : from === at ? Math.max(1, fitting) : 0;
      at = Math.min(at + rows, from + untilSheetEnds);
      room -= rows * bytes;
      if (at < groupEnd) break;
      group += 1;
      groupEnd += groups[group]?.rows ?? 0;
      if (measured === 0 || at === from + untilSheetEnds) break;
    }
    return at === from ? undefined : { from, to: at };
  };
}
