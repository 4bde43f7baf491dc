import { tmpdir } from 'node:os';

import { AppError } from '../errors.ts';
import type { ReadQuery } from '../jobs/query-check.ts';
import { parsedQuery } from './checked-query.ts';
import { type Engine, openEngine } from './duckdb.ts';

/** Trees of a text of some thousand characters take a few MiB; nothing is ever written to disk. */
const limits = { memoryMb: 64, threads: 1, diskMb: 1 };
const waitMs = 5_000;
/** Texts that wait for the one that is read. */
const longestLine = 100;

export interface QueryReader {
  read: ReadQuery;
  close(): Promise<void>;
}

/**
 * Reads texts of queries with an empty database of its own, one after the other, on a thread of the engine: nothing else waits
 * for that.
 */
export function createQueryReader(): QueryReader {
  let opening: Promise<Engine> | undefined;
  let last: Promise<unknown> = Promise.resolve();
  let waiting = 0;

  /** With the first text: most processes never read one. */
  async function opened(): Promise<Engine> {
    const engine = await openEngine(tmpdir(), limits);
    await engine.seal([]);
    return engine;
  }

  return {
    read: async (sql, tables) => {
      if (waiting >= longestLine) throw tooBusy();
      waiting += 1;
      const before = last;
      const mine = (async () => {
        await before.catch(() => undefined);
        opening ??= opened();
        return parsedQuery((await opening).connection, sql, tables);
      })();
      last = mine;
      void mine.catch(() => undefined).finally(() => (waiting -= 1));
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<never>((_resolve, reject) => {
        timer = setTimeout(() => {
          reject(tooBusy());
        }, waitMs);
      });
      try {
        return (await Promise.race([mine, late])).parameters;
      } finally {
        clearTimeout(timer);
      }
    },
    async close() {
      await last.catch(() => undefined);
      (await opening)?.close();
    },
  };
}

function tooBusy(): AppError {
  return new AppError('overloaded', 'Too many queries are being read.', { retryable: true, retryAfterSeconds: 2 });
}
