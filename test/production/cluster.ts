import { execFile } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { eventually } from '../support/eventually.ts';
import { filledIn, imageEntrypoint, readCompose } from './compose.ts';
import { patience, status } from './http.ts';
import { type Process, startProcess } from './processes.ts';
import type { Surroundings } from './surroundings.ts';
import { freePort } from '../support/free-port.ts';

export interface Cluster {
  apis: [Process, Process];
  workers: [Process, Process];
  all: Process[];
  /** The key that `keys create` printed. */
  createKey(tenant: string): Promise<string>;
}

interface Options {
  surroundings: Surroundings;
  smtpPort: number;
  runDir: string;
}

const root = fileURLToPath(new URL('../..', import.meta.url));

/** What only a container network gives: addresses, one port for everybody, the volume. All else is as the compose file says. */
export const replaced = [
  'DATABASE_URL',
  'TEMPORAL_ADDRESS',
  'TEMPORAL_NAMESPACE',
  'SMTP_URL',
  'HANDOFF_HOST',
  'HANDOFF_PORT',
  'HANDOFF_DATA_DIR',
  'HANDOFF_ENCRYPTION_KEYS_FILE',
] as const;

/** Two `api` and two `worker` processes by the compose file's commands and environment, not waited for. */
export async function startCluster({ surroundings, smtpPort, runDir }: Options): Promise<Cluster> {
  const { services } = readCompose();
  mkdirSync(join(runDir, 'files'), { recursive: true });
  mkdirSync(join(runDir, 'data'), { recursive: true });
  const keyFile = join(runDir, 'data', 'encryption-key');
  const environmentOf = (name: 'api' | 'worker', port: number): Record<string, string> => {
    const written = services[name]?.environment ?? {};
    const own: Record<(typeof replaced)[number], string> = {
      DATABASE_URL: surroundings.databaseUrl,
      TEMPORAL_ADDRESS: surroundings.temporalAddress,
      TEMPORAL_NAMESPACE: surroundings.namespace,
      SMTP_URL: `smtp://127.0.0.1:${String(smtpPort)}`,
      HANDOFF_HOST: '127.0.0.1',
      HANDOFF_PORT: String(port),
      HANDOFF_DATA_DIR: join(runDir, 'data'),
      HANDOFF_ENCRYPTION_KEYS_FILE: keyFile,
    };
    // Only what the file sets is replaced: a variable that it forgets is missing here, too.
    return Object.fromEntries(
      Object.entries(written).map(([key, value]) => [key, key in own ? own[key as keyof typeof own] : filledIn(value)]),
    );
  };
  const argvOf = (name: 'api' | 'worker') => {
    const [program = '', script = '', ...rest] = [...imageEntrypoint(), ...(services[name]?.command ?? [])];
    return [program, join(root, script), ...rest];
  };
  const start = async (name: 'api' | 'worker', number: number): Promise<Process> => {
    const port = await freePort();
    return startProcess({ name: `${name}-${String(number)}`, argv: argvOf(name), env: environmentOf(name, port), port, logDir: runDir });
  };
  // By its own command, but for the place.
  const [, script = ''] = argvOf('api');
  const { command = [] } = services['encryption-key'] ?? {};
  const making = command.map((word) => (word.startsWith('/') ? keyFile : word));
  await promisify(execFile)(process.execPath, [script, ...making], { env: { PATH: process.env['PATH'] ?? '' } });
  // All four at once, on an empty database: the migrations have to bear it.
  const [api1, api2, worker1, worker2] = await Promise.all([start('api', 1), start('api', 2), start('worker', 1), start('worker', 2)]);
  return {
    apis: [api1, api2],
    workers: [worker1, worker2],
    all: [api1, api2, worker1, worker2],
    async createKey(tenant) {
      const args = [script, 'keys', 'create', '--tenant', tenant];
      const env = { PATH: process.env['PATH'] ?? '', ...environmentOf('api', 1) };
      const { stdout } = await promisify(execFile)(process.execPath, args, { env });
      return stdout.trim();
    },
  };
}

/** @throws when one of them ends instead, with what it said last. */
export async function untilReady(processes: readonly Process[]): Promise<void> {
  for (const one of processes) {
    const died = one.ended.then((how) => {
      throw new Error(`${one.name} ended (${how}):\n${one.lastWords()}`);
    });
    const ready = eventually(
      async () => {
        const code = await status(`${one.url}/readyz`);
        if (code !== 200) throw new Error(`${one.name} is not ready: ${String(code)}\n${one.lastWords()}`);
      },
      { within: patience },
    );
    await Promise.race([ready, died]);
  }
}

/** The compose file's health check, run as the engine would, but for the port. @throws when it says unhealthy. */
export async function askHealthCheck(service: 'api' | 'worker', { url }: Process): Promise<void> {
  const { environment, healthcheck } = readCompose().services[service] ?? {};
  const [kind, program, ...args] = healthcheck?.test ?? [];
  if (kind !== 'CMD' || program !== 'node') throw new Error(`The health check of ${service} is not run by node.`);
  const written = `http://127.0.0.1:${String(environment?.['HANDOFF_PORT'])}`;
  await promisify(execFile)(
    process.execPath,
    args.map((arg) => arg.replace(written, url)),
  );
}
