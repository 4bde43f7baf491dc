import { spawnSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, symlinkSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import pg from 'pg';

export interface Surroundings {
  temporalAddress: string;
  namespace: string;
  databaseUrl: string;
  /** Removes the database and the namespace of this run. */
  remove(): Promise<void>;
}

const missing = `This test needs a Temporal server on PostgreSQL that runs already. Set both
  TEMPORAL_ADDRESS  for example 127.0.0.1:7233
  DATABASE_URL      for example postgres://user@127.0.0.1:5432/postgres, of a user that may create databases
or set HANDOFF_PRODUCTION_TEMPORAL to a command that starts them and prints \`export TEMPORAL_ADDRESS=…\` and \`export DATABASE_URL=…\`.
A database and a namespace of their own are made for the run, and removed after it.`;

/** @throws Error that says what to set. */
export function assertSettings(env: NodeJS.ProcessEnv): void {
  if (!env['HANDOFF_PRODUCTION_TEMPORAL'] && !(env['TEMPORAL_ADDRESS'] && env['DATABASE_URL'])) throw new Error(missing);
}

/** Runs the given command, or takes the environment as it is. @throws Error that says what to set. */
function addresses(env: NodeJS.ProcessEnv, runDir: string): { address: string; url: string } {
  const given: Record<string, string | undefined> = { ...env };
  const command = env['HANDOFF_PRODUCTION_TEMPORAL'];
  if (command) {
    // Into a file: servers that it leaves behind may hold a pipe open for ever.
    const path = join(runDir, 'temporal-command.log');
    const fd = openSync(path, 'w');
    const { status } = spawnSync(command, { shell: true, env, stdio: ['ignore', fd, 'inherit'] });
    closeSync(fd);
    if (status !== 0) throw new Error(`HANDOFF_PRODUCTION_TEMPORAL ended with ${String(status)}: ${readFileSync(path, 'utf8')}`);
    for (const [, name = '', value] of readFileSync(path, 'utf8').matchAll(/^export (\w+)=(\S+)$/gm)) given[name] = value;
  }
  const { TEMPORAL_ADDRESS: address, DATABASE_URL: url } = given;
  if (!address || !url) throw new Error(missing);
  return { address, url };
}

async function inDatabase(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}

/** A fresh database and a fresh namespace, as after a first `docker compose up`. `cli`: path of the Temporal CLI. */
export async function prepareSurroundings(cli: string, runDir: string, run: string): Promise<Surroundings> {
  const bin = join(runDir, 'bin');
  mkdirSync(bin, { recursive: true });
  symlinkSync(cli, join(bin, 'temporal'));
  const env = { ...process.env, PATH: `${bin}${delimiter}${process.env['PATH'] ?? ''}` };
  const { address, url } = addresses(env, runDir);
  const database = `handoff_production_${run}`;
  const namespace = `handoff-production-${run}`;
  await inDatabase(url, `CREATE DATABASE ${database}`);
  const script = new URL('../../deploy/temporal/create-namespace.sh', import.meta.url).pathname;
  const created = spawnSync('sh', [script], {
    env: { ...env, TEMPORAL_ADDRESS: address, TEMPORAL_NAMESPACE: namespace, TEMPORAL_RETENTION: '24h' },
    encoding: 'utf8',
  });
  if (created.status !== 0) throw new Error(`The namespace could not be made: ${created.stdout}${created.stderr}`);
  const databaseUrl = new URL(url);
  databaseUrl.pathname = `/${database}`;
  return {
    temporalAddress: address,
    namespace,
    databaseUrl: databaseUrl.href,
    async remove() {
      await inDatabase(url, `DROP DATABASE ${database} WITH (FORCE)`);
      spawnSync('temporal', ['operator', 'namespace', 'delete', '--yes', '--address', address, '--namespace', namespace], { env });
    },
  };
}
