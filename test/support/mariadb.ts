import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { freePort } from './free-port.ts';

const run = promisify(execFile);

async function pathOf(...names: string[]): Promise<string | undefined> {
  for (const name of names)
    for (const place of ['/usr/sbin', '/usr/bin', '/usr/local/bin'])
      if (await run(join(place, name), ['--version']).catch(() => undefined)) return join(place, name);
  return undefined;
}

export interface MariadbPrograms {
  server: string;
  install: string;
  user: string | undefined;
}

/** The programs, or why there is no server to test with. */
export async function findMariadb(): Promise<MariadbPrograms | { skipped: string }> {
  const server = await pathOf('mariadbd');
  const install = (await run('which', ['mariadb-install-db']).catch(() => undefined))?.stdout.trim();
  if (server === undefined || install === undefined) return { skipped: 'no MariaDB server programs here' };
  const root = process.getuid?.() === 0;
  const user = root && (await run('id', ['mysql']).catch(() => undefined)) ? 'mysql' : undefined;
  return root && user === undefined ? { skipped: 'running as root, and there is no user mysql' } : { server, install, user };
}

/** A server of its own in a temporary directory, on loopback only, prepared by SQL that runs as its administrator. */
export async function startMariadb(
  { server, install, user }: MariadbPrograms,
  sql: string,
): Promise<{ port: number; stop(): Promise<void> }> {
  const directory = await mkdtemp(join(tmpdir(), 'handoff-mariadb-'));
  const data = join(directory, 'data');
  await chmod(directory, 0o755);
  if (user !== undefined) await run('chown', [user, directory]);
  const as = user === undefined ? [] : [`--user=${user}`];
  await run(install, ['--no-defaults', `--datadir=${data}`, '--auth-root-authentication-method=normal', '--skip-test-db', ...as]);
  const script = join(directory, 'init.sql');
  await writeFile(script, `${sql}\n`, { mode: 0o644 });
  const port = await freePort();
  const options = [`--datadir=${data}`, `--port=${String(port)}`, '--bind-address=127.0.0.1', `--socket=${join(directory, 'socket')}`];
  const small = [
    '--innodb-buffer-pool-size=16M',
    '--innodb-flush-log-at-trx-commit=0',
    `--init-file=${script}`,
    `--pid-file=${join(directory, 'pid')}`,
  ];
  const child = spawn(server, ['--no-defaults', ...options, ...small, ...as], { cwd: '/', stdio: ['ignore', 'ignore', 'pipe'] });
  const stop = async (): Promise<void> => {
    const exited = child.exitCode === null && child.signalCode === null ? once(child, 'exit') : undefined;
    child.kill('SIGTERM');
    await exited;
    await rm(directory, { recursive: true, force: true });
  };
  let said = '';
  const ready = new Promise<void>((resolve, reject) => {
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said += text;
      if (said.includes('ready for connections')) resolve();
    });
    child.once('exit', () => {
      reject(new Error(`MariaDB ended at once. It said:\n${said}`));
    });
  });
  try {
    await ready;
  } catch (error) {
    await stop();
    throw error;
  }
  return { port, stop };
}
