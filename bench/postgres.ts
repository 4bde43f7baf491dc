import { execFile, spawn } from 'node:child_process';
import { chown } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';

import { findPostgres } from '../test/support/postgres.ts';
import { keep, type Stage, temporaryDirectory, until } from './stage.ts';
import { freePort } from '../test/support/free-port.ts';

const run = promisify(execFile);

export class NoPostgres extends Error {
  override readonly name = 'NoPostgres';
}

/**
 * The database of DATABASE_URL, else an empty one of our own, for as long as the stage stands. Unlike that of the tests
 * it syncs to the disk: durability has its price, which belongs into the figures.
 * @throws NoPostgres when there is neither.
 */
export async function openPostgres(stage: Stage): Promise<{ url: string; version: string }> {
  const given = process.env['DATABASE_URL'];
  if (given) return { url: given, version: await untilAnswering(given) };
  const programs = await findPostgres();
  if ('skipped' in programs) throw new NoPostgres(`separate processes need PostgreSQL: no DATABASE_URL, and ${programs.skipped}`);
  const { bin, user } = programs;
  const account = user === undefined ? {} : { uid: await idOf(user, '-u'), gid: await idOf(user, '-g') };
  const directory = await temporaryDirectory(stage);
  if (account.uid !== undefined) await chown(directory, account.uid, account.gid);
  const options = { ...account, cwd: directory };
  const data = join(directory, 'data');
  await run(join(bin, 'initdb'), ['-D', data, '-A', 'trust', '-U', 'handoff', '--no-sync', '-E', 'UTF8'], options);
  const port = await freePort();
  const place = ['-D', data, '-p', String(port), '-k', '', '-h', '127.0.0.1'];
  keep(stage, spawn(join(bin, 'postgres'), place, { ...options, stdio: 'ignore' }), 'SIGQUIT');
  const url = `postgres://handoff@127.0.0.1:${String(port)}/postgres`;
  return { url, version: await untilAnswering(url) };
}

async function idOf(user: string, flag: '-u' | '-g'): Promise<number> {
  return Number((await run('id', [flag, user])).stdout);
}

async function untilAnswering(url: string): Promise<string> {
  return until(
    async () => {
      const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2_000 });
      await client.connect();
      try {
        const { rows } = await client.query<{ server_version: string }>('show server_version');
        return rows[0]?.server_version.split(' ')[0] ?? '';
      } finally {
        await client.end();
      }
    },
    { within: 30_000 },
  );
}
