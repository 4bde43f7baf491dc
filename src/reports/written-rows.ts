import { open, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';

import type { HeldRows, WrittenRows } from '../../activities/report-table.ts';
import type { Engine } from './duckdb.ts';
import { quoted, literal } from './sql-text.ts';

/** Of one part on the disk; two are there at a time. */
const partBytes = 32 * 1024 * 1024;
/** How many rows show how long they become. */
const firstRows = 4_096;
const readBytes = 256 * 1024;

const ignored = () => undefined;
export const partPaths = (directory: string): [string, string] => [join(directory, 'rows-0'), join(directory, 'rows-1')];

export interface Writing {
  engine: Engine;
  /** Of the Parquet file. */
  path: string;
  /** Names in the file, in the order of `HeldRows.columns`. */
  columns: readonly string[];
  directory: string;
  signal: AbortSignal;
}

/** A group of rows in the file. */
export interface RowGroup {
  rows: number;
  /** At least, of a row. */
  bytes: number;
}

export const heldName = (index: number) => `c${String(index)}`;

/**
 * The engine writes rows into one file while another one is read: its way to JavaScript, value by value, takes longer than all the rest.
 * Parts are as long as groups of rows where they can be: the engine then skips what it does not need.
 */
export function writesRows({ engine, path, columns, directory, signal }: Writing, groups: readonly RowGroup[]): HeldRows['write'] {
  const paths = partPaths(directory);
  const inner = columns.map((name, index) => `${quoted(name)} as ${heldName(index)}`).join(', ');

  return async function* (expression, every) {
    const stopped = new AbortController();
    const either = AbortSignal.any([signal, stopped.signal]);
    const write = async ({ from, to }: Range, file: string) => {
      const source = `select ${inner}, file_row_number + 1 as row, cast(file_row_number % ${String(every)} + 2 as varchar) as n
        from read_parquet(${literal(path)}, file_row_number = true) where file_row_number >= ${String(from)} and file_row_number < ${String(to)}`;
      // No quotes, no escapes, and a delimiter that is in no row: the text as it is, each followed by LF.
      const plain = `(format csv, header false, quote '', escape '', delimiter '\u0001', use_tmp_file false)`;
      await engine.interruptible(either, () =>
        engine.connection.run(`copy (select ${expression} from (${source})) to ${literal(file)} ${plain}`),
      );
      return { rows: to - from, file, size: (await stat(file)).size };
    };
    const ranges = partRanges(groups, every);
    const begin = (measured: number, turn: number) => {
      const range = ranges(measured);
      if (range === undefined) return undefined;
      const part = write(range, paths[turn % 2] ?? paths[0]);
      // It is awaited in the next turn.
      part.catch(ignored);
      return part;
    };
    const buffer = Buffer.allocUnsafeSlow(readBytes);
    let next = begin(0, 0);
    try {
      for (let turn = 1; next !== undefined; turn++) {
        const { rows, file, size } = await next;
        next = begin(size / rows, turn);
        yield { rows, bytes: read(file, buffer) } satisfies WrittenRows;
        await rm(file);
      }
    } finally {
      stopped.abort();
      await next?.catch(ignored);
    }
  };
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

interface Range {
  from: number;
  to: number;
}

/** @returns for the measured bytes of a row, or 0, what to write next */
function partRanges(groups: readonly RowGroup[], every: number): (measured: number) => Range | undefined {
  let [at, group, groupStart] = [0, 0, 0];
  return (measured) => {
    for (; group < groups.length && at >= groupStart + (groups[group]?.rows ?? 0); group++) groupStart += groups[group]?.rows ?? 0;
    const current = groups[group];
    if (current === undefined) return undefined;
    const fitting = measured === 0 ? firstRows : Math.floor(partBytes / Math.max(measured, current.bytes));
    const left = groupStart + current.rows - at;
    const untilSheetEnds = every - (at % every);
    // Rather a little more than a small rest.
    const rows = Math.min(left <= fitting * 1.5 ? left : Math.max(1, fitting), untilSheetEnds);
    const from = at;
    at += rows;
    return { from, to: at };
  };
}
