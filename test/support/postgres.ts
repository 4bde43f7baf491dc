import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { freePort } from './free-port.ts';

const run = promisify(execFile);

/** Debian keeps the server's programs off the PATH. */
async function serverPrograms(): Promise<string | undefined> {
  const versions = await readdir('/usr/lib/postgresql').catch(() => []);
  const places = [
    ...(process.env['PATH'] ?? '').split(delimiter),
    ...versions
      .sort()
      .reverse()
      .map((version) => `/usr/lib/postgresql/${version}/bin`),
  ];
  for (const place of places) {
    const names = await readdir(place).catch(() => [] as string[]);
    if (names.includes('initdb') && names.includes('postgres')) return place;
  }
  return undefined;
}

/** PostgreSQL refuses to run as root. */
async function unprivileged(): Promise<string | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  for (const name of ['postgres', 'nobody']) if (await run('id', [name]).catch(() => undefined)) return name;
  return undefined;
}

export interface PostgresPrograms {
  bin: string;
  /** To run them as; undefined: as we are. */
  user: string | undefined;
}

/** The programs, or why there is no server to test with. */
export async function findPostgres(): Promise<PostgresPrograms | { skipped: string }> {
  const bin = await serverPrograms();
  if (bin === undefined) return { skipped: 'no PostgreSQL server programs here' };
  const user = await unprivileged();
  if (user === undefined && process.getuid?.() === 0) return { skipped: 'running as root, and there is no unprivileged user' };
  return { bin, user };
}

/** A server of its own in a temporary directory, without passwords, on loopback only. */
export async function startPostgres(
  { bin, user }: PostgresPrograms,
  { tls }: { tls?: { cert: string; key: string } } = {},
): Promise<{ url: string; stop(): Promise<void> }> {
  const directory = await mkdtemp(join(tmpdir(), 'handoff-postgres-'));
  const as = (command: string, args: string[]): [string, string[]] =>
    user === undefined ? [command, args] : ['su', [user, '-s', '/bin/sh', '-c', `exec "$0" "$@"`, '--', command, ...args]];
  const data = join(directory, 'data');
  if (user !== undefined) await run('chown', [user, directory]);
  await chmod(directory, 0o700);
  const options = ['-D', data, '-U', 'handoff', '--auth=trust', '--encoding=UTF8', '--locale=C', '--no-sync'];
  await run(...as(join(bin, 'initdb'), options), { cwd: '/' });

  if (tls)
    for (const [name, text] of Object.entries(tls)) {
      await writeFile(join(directory, name), text, { mode: 0o600 });
      if (user !== undefined) await run('chown', [user, join(directory, name)]);
    }
  const port = await freePort();
  const settings = ['-D', data, '-p', String(port), '-k', '', '-h', '127.0.0.1', '-c', 'fsync=off'];
  if (tls) settings.push('-c', 'ssl=on', '-c', `ssl_cert_file=${join(directory, 'cert')}`, '-c', `ssl_key_file=${join(directory, 'key')}`);
  const server = spawn(...as(join(bin, 'postgres'), settings), { cwd: '/', stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  const ready = new Promise<void>((resolve, reject) => {
    server.stderr.setEncoding('utf8').on('data', (text: string) => {
      said += text;
      if (said.includes('ready to accept connections')) resolve();
    });
    server.once('exit', () => {
      reject(new Error(`PostgreSQL ended at once. It said:\n${said}`));
    });
  });
  const stop = async (): Promise<void> => {
    const exited = server.exitCode === null && server.signalCode === null ? once(server, 'exit') : undefined;
    await run(...as(join(bin, 'pg_ctl'), ['stop', '-D', data, '-m', 'fast', '-w']), { cwd: '/' }).catch(() => server.kill('SIGKILL'));
    await exited;
    await rm(directory, { recursive: true, force: true });
  };
  try {
    await ready;
  } catch (error) {
    await stop();
    throw error;
  }
  return { url: `postgresql://handoff@127.0.0.1:${String(port)}/postgres`, stop };
}
