import { type MessagePort, parentPort, workerData } from 'node:worker_threads';

import type { RemoteType } from '../jobs/data-sources.ts';
import type { Cell } from '../jobs/report-sources.ts';
import type { SqliteFailure } from './sqlite-failure.ts';
import { columnType, type SqliteValue, writtenValue } from './sqlite-values.ts';

export interface SqliteTask {
  path: string;
  text: string;
  values: Cell[];
  memoryMb: number;
}

export type SqliteAnswer =
  | { columns: string[] }
  | { rows: (string | null)[][] }
  | { types: RemoteType[] }
  | { failed: SqliteFailure }
  /** No error of SQLite. */
  | { unreadable: string }
  | { missing: true };

/** Within the package: in public it has no names of columns without a row, and a second column of one name is lost. */
interface Statement {
  readonly _ptr: number;
  _bind(values: Cell[]): void;
  _step(): boolean;
  _getColumnNames(): string[];
  _getRow(keys: readonly string[], expand: false): Record<string, SqliteValue>;
}
interface Library {
  Database: new (path: string, options: { readOnly: true }) => { prepare(sql: string): Statement };
  _sqlite3_column_type(statement: number, index: number): number;
  _sqlite3_column_bytes(statement: number, index: number): number;
}

const batchCharacters = 1024 * 1024;
const batchRows = 5_000;
/** Of a row, in bytes: nothing longer is taken from any source. */
const longestRow = 2 * 1024 * 1024;

const mebibyte = 1024 * 1024;
const [textType, blobType] = [3, 4];

interface WasmMemory {
  readonly buffer: ArrayBuffer;
  grow(pages: number): number;
}

/** In this thread only: what SQLite asks for beyond it, it does not get. */
function boundMemory(memoryMb: number): void {
  const { prototype } = (globalThis as unknown as { WebAssembly: { Memory: { prototype: WasmMemory } } }).WebAssembly.Memory;
  // eslint-disable-next-line @typescript-eslint/unbound-method -- it is called on a memory
  const { grow } = prototype;
  prototype.grow = function (pages) {
    if (this.buffer.byteLength + pages * 65_536 > memoryMb * mebibyte) throw new RangeError('More memory than this query may have');
    return grow.call(this, pages);
  };
}

const keysOf = (columns: readonly string[]) => columns.map((_column, index) => String(index));

/** Where a row can't be taken whole. */
type Row = { row: (string | null)[]; length: number } | { unreadable: string };

function createReader(library: Library, statement: Statement, columns: readonly string[]) {
  const keys = keysOf(columns);
  const seen = columns.map(() => 0);
  let ended = false;

  function nextRow(): Row {
    const types = columns.map((_column, index) => library._sqlite3_column_type(statement._ptr, index));
    // Of a number it would make a text.
    const bytes = types.map((type, index) =>
      type === textType || type === blobType ? library._sqlite3_column_bytes(statement._ptr, index) : 0,
    );
    const length = bytes.reduce((sum, one) => sum + one, 0);
    if (length > longestRow) return { unreadable: `A row is longer than ${String(longestRow / mebibyte)} MiB.` };
    const values = statement._getRow(keys, false);
    const row: (string | null)[] = [];
    for (const [index, key] of keys.entries()) {
      const type = types[index] ?? 0;
      const { text, kind } = writtenValue(values[key] ?? null, type);
      // The library reads up to a NUL.
      if (type === textType && Buffer.byteLength(text ?? '') !== bytes[index])
        return { unreadable: `Column ${String(index + 1)} has a text with the character NUL, or that is not UTF-8.` };
      seen[index] = (seen[index] ?? 0) | kind;
      row.push(text);
    }
    return { row, length: length + 8 * row.length };
  }

  /** What comes next: rows, at last types. */
  function next(): SqliteAnswer {
    const rows: (string | null)[][] = [];
    for (let characters = 0; characters < batchCharacters && rows.length < batchRows;) {
      // Another step behind the last row would begin anew.
      ended = ended || !statement._step();
      if (ended) return rows.length > 0 ? { rows } : typesOf();
      const read = nextRow();
      if ('unreadable' in read) return read;
      rows.push(read.row);
      characters += read.length;
    }
    return { rows };
  }

  function typesOf(): SqliteAnswer {
    const types = seen.map(columnType);
    const mixed = types.indexOf(undefined);
    if (mixed >= 0) return { unreadable: `Column ${String(mixed + 1)} has bytes and other values: a cast makes them of one kind.` };
    return { types: types.filter((type) => type !== undefined) };
  }

  return next;
}

async function load(): Promise<Library | undefined> {
  try {
    return (await import('node-sqlite3-wasm')).default as unknown as Library;
  } catch {
    return undefined;
  }
}

async function serve(port: MessagePort, { path, text, values, memoryMb }: SqliteTask): Promise<void> {
  const answer = (one: SqliteAnswer) => {
    port.postMessage(one);
  };
  let during: SqliteFailure['during'] = 'open';
  const failed = (error: unknown) => {
    if (!(error instanceof Error) || error.name !== 'SQLite3Error') throw error;
    answer({ failed: { during, message: error.message } });
  };
  boundMemory(memoryMb);
  const library = await load();
  if (library === undefined) {
    answer({ missing: true });
    return;
  }
  try {
    const database = new library.Database(path, { readOnly: true });
    during = 'prepare';
    const statement = database.prepare(text);
    const columns = statement._getColumnNames();
    statement._bind(values);
    during = 'step';
    const next = createReader(library, statement, columns);
    port.on('message', () => {
      try {
        answer(next());
      } catch (error) {
        failed(error);
      }
    });
    answer({ columns });
  } catch (error) {
    failed(error);
  }
}

if (parentPort) await serve(parentPort, workerData as SqliteTask);
