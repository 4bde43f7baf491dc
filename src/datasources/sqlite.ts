import { once } from 'node:events';
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';

import { AppError } from '../errors.ts';
import type { RemoteColumn, RemoteContent, RemoteType } from '../jobs/data-sources.ts';
import type { Cell } from '../jobs/report-sources.ts';
import type { SqlPieces } from '../jobs/sql-parameters.ts';
import { misconfigured, queryTimeout } from './failure.ts';
import { sqliteFailure } from './sqlite-failure.ts';
import { assertUnchanged, type FileState, fileState } from './sqlite-file.ts';
import { sqliteStatement } from './sqlite-statement.ts';
import type { SqliteAnswer, SqliteTask } from './sqlite-thread.ts';

export interface SqliteFile {
  path: string;
  /** A query may take so long, with all its rows. */
  seconds: number;
  /** Of a query, in MiB: sorting happens in it. */
  memoryMb: number;
  /** Of texts of SQL. */
  pieces: SqlPieces;
}

/** Beside the source: `.ts` in tests, `.js` when it is built. */
const program = fileURLToPath(import.meta.url.replace(/sqlite(\.[jt]s)$/, 'sqlite-thread$1'));
/** Of the heap of the thread, in MiB; what SQLite itself takes is not in there. */
const heap = { maxOldGenerationSizeMb: 64, maxYoungGenerationSizeMb: 16 };

interface Session {
  /** What the thread says next. @throws AppError */
  answer: () => Promise<SqliteAnswer>;
  ask: () => void;
  close: () => Promise<void>;
}

/** A thread of its own, which nothing but its end can interrupt. It finds the file in a directory of its own: the library puts its locks beside it, and they would stay. */
async function begin(
  { path, seconds, memoryMb }: SqliteFile,
  statement: Pick<SqliteTask, 'text' | 'values'>,
  before: FileState,
  cancelled: AbortSignal,
): Promise<Session> {
  const deadline = AbortSignal.timeout(seconds * 1000);
  const signal = AbortSignal.any([cancelled, deadline]);
  const directory = await mkdtemp(join(tmpdir(), 'handoff-sqlite-'));
  const place = join(directory, 'database');
  await symlink(before.path, place);
  const task: SqliteTask = { ...statement, path: place, memoryMb };
  const worker = new Worker(program, { workerData: task, resourceLimits: heap });
  const abort = () => {
    worker.terminate().catch(() => undefined);
  };
  signal.addEventListener('abort', abort, { once: true });
  const gone = new AbortController();
  let broken: unknown;
  worker.on('error', (error) => {
    broken = error;
  });
  worker.once('exit', () => {
    gone.abort();
  });
  if (signal.aborted) abort();

  function ending(error: unknown): unknown {
    cancelled.throwIfAborted();
    if (deadline.aborted) return queryTimeout(seconds);
    if ((error as { code?: string } | undefined)?.code === 'ERR_WORKER_OUT_OF_MEMORY')
      return new AppError('query_too_large', 'The rows of the query need more memory than they may have.');
    return error ?? new Error('The thread that reads the file ended');
  }

  async function failureOf(said: SqliteAnswer): Promise<AppError | undefined> {
    if ('missing' in said)
      return misconfigured('The package node-sqlite3-wasm is not installed here: without it there are no data sources of the kind sqlite.');
    const failure =
      'failed' in said
        ? sqliteFailure(said.failed, memoryMb)
        : 'unreadable' in said
          ? new AppError('source_unreadable', said.unreadable)
          : undefined;
    // Whatever was wrong may have been half of a change.
    if (failure !== undefined || 'types' in said) await assertUnchanged(path, before);
    return failure;
  }

  return {
    async answer() {
      try {
        // No race with its end: a promise that lives as long as the thread would keep all rows.
        const [said] = (await once(worker, 'message', { signal: gone.signal })) as [SqliteAnswer];
        const failure = await failureOf(said);
        if (failure !== undefined) throw failure;
        return said;
      } catch (error) {
        throw ending(error instanceof AppError ? error : broken);
      }
    },
    ask() {
      worker.postMessage('more');
    },
    async close() {
      signal.removeEventListener('abort', abort);
      await worker.terminate();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** The rows of one SELECT, some at a time, as they are taken. */
export async function readSqlite(
  file: SqliteFile,
  { sql, parameters }: { sql: string; parameters: Record<string, Cell> },
  signal: AbortSignal,
): Promise<Extract<RemoteContent, { batches: unknown }>> {
  const statement = sqliteStatement(sql, parameters, file.pieces);
  const { answer, ask, close } = await begin(file, statement, await fileState(file.path), signal);
  let types: RemoteType[] = [];
  const batches = async function* () {
    let next = asked();
    for (;;) {
      const said = await next;
      if ('types' in said) {
        ({ types } = said);
        return;
      }
      if (!('rows' in said)) throw new TypeError('The thread says what nobody asked for');
      // While these are written, the next ones come.
      next = asked();
      next.catch(() => undefined);
      yield said.rows;
    }
  };
  function asked(): Promise<SqliteAnswer> {
    const said = answer();
    ask();
    return said;
  }
  try {
    const first = await answer();
    const columns = 'columns' in first ? first.columns.map((name): RemoteColumn => ({ name, type: 'VARCHAR' })) : [];
    if (columns.length === 0) throw new AppError('query_invalid', 'The query gives no columns: it must be a SELECT.');
    return { columns, batches: batches(), types: () => types, close };
  } catch (error) {
    await close();
    throw error;
  }
}

export async function checkSqlite(file: SqliteFile, signal: AbortSignal): Promise<{ serverVersion: string | null }> {
  const { batches, close } = await readSqlite(
    file,
    { sql: 'select sqlite_version(), count(*) from sqlite_schema', parameters: {} },
    signal,
  );
  let serverVersion: string | null = null;
  try {
    for await (const rows of batches) serverVersion ??= rows[0]?.[0] ?? null;
    return { serverVersion };
  } finally {
    await close();
  }
}
