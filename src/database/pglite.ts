import { PGlite } from '@electric-sql/pglite';
import type { PostgresPool } from 'kysely';

/** `int8` as a string, as pg gives it. */
const parsers = { 20: (value: string) => value };

/** The embedded PostgreSQL in a directory, which only one process may open: hold `lockDataDir` before. */
export async function openPglite(directory: string): Promise<PostgresPool> {
  return poolOfOne(await PGlite.create({ dataDir: directory, parsers }));
}

/** PGlite has one session: hand it out like a pool of one, so that Kysely's PostgreSQL dialect can use it unchanged. */
function poolOfOne(db: PGlite): PostgresPool {
  let turn: Promise<void> = Promise.resolve();
  return {
    async connect() {
      const before = turn;
      let done = (): void => undefined;
      turn = new Promise<void>((resolve) => {
        done = resolve;
      });
      await before;
      return {
        async query(text: string, values: readonly unknown[]) {
          const { rows, affectedRows } = await db.query(text, [...values]);
          // Kysely reads numAffectedRows from rowCount for these commands only.
          const command = /^\s*(?:with\b[\s\S]*?\b)?(insert|update|delete|merge)\b/i.exec(text)?.[1]?.toUpperCase() ?? 'SELECT';
          return { command, rowCount: affectedRows ?? rows.length, rows };
        },
        release: () => {
          done();
        },
      };
    },
    end: () => db.close(),
  } as unknown as PostgresPool;
}
