import { execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { findTemporalCli } from '../scripts/temporal-cli.mjs';
import { startDevServer } from '../src/temporal/dev-server.ts';
import { mail } from './mail.ts';
import { createHttp } from './peers/http.ts';
import { openPostgres } from './postgres.ts';
import { keep, type Stage, until } from './stage.ts';
import { freePort } from '../test/support/free-port.ts';

const cli = fileURLToPath(new URL('../dist/src/cli.js', import.meta.url));
const unguarded = fileURLToPath(new URL('./peers/unguarded-api.ts', import.meta.url));
const registerTypeScript = fileURLToPath(new URL('../test/support/register-ts.mjs', import.meta.url));

/** Temporal as `npm start` runs it, PostgreSQL, and the built product's settings. */
export interface Ground {
  temporal: { address: string; pid: number };
  postgresVersion: string;
  environment: Record<string, string>;
}

export async function prepareGround(
  stage: Stage,
  { temporalSettings, smtpPort = 1 }: { temporalSettings: readonly string[]; smtpPort?: number },
): Promise<Ground> {
  const database = await openPostgres(stage);
  const port = await freePort();
  const dataDir = join(stage.directory, 'temporal');
  const flags = temporalSettings.flatMap((setting) => ['--dynamic-config-value', setting]);
  const options = { cli: await findTemporalCli(), port, dataDir, flags, log: stage.say };
  const server = stage.closing(await startDevServer(options), (running) => running.stop());
  const pid = Number((await readFile(join(dataDir, 'temporal.pid'), 'utf8')).trim());
  const { PATH = '', HOME = '', LANG = 'C.UTF-8' } = process.env;
  const environment = {
    ...{ PATH, HOME, LANG, DATABASE_URL: database.url, TEMPORAL_ADDRESS: server.address },
    ...{ SMTP_URL: `smtp://127.0.0.1:${String(smtpPort)}`, HANDOFF_DATA_DIR: join(stage.directory, 'data') },
    HANDOFF_ENCRYPTION_KEYS: randomBytes(32).toString('base64'),
  };
  return { temporal: { address: server.address, pid }, postgresVersion: database.version, environment };
}

interface Running {
  pid: number;
  url: string;
}

async function start(stage: Stage, name: string, { environment }: Ground, programme: string[]): Promise<Running> {
  const port = String(await freePort());
  const child = spawn(process.execPath, programme, { env: { ...environment, HANDOFF_PORT: port }, stdio: ['ignore', 'ignore', 'pipe'] });
  keep(stage, child);
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-4_000)));
  const url = `http://127.0.0.1:${port}`;
  await until(async () => {
    if (child.exitCode !== null) return;
    await fetch(`${url}/livez`);
  });
  if (child.exitCode !== null) throw new Error(`${name} ended:\n${said}`);
  return { pid: child.pid ?? 0, url };
}

const profiled = (profile: string | undefined) => (profile === undefined ? [] : ['--cpu-prof', '--cpu-prof-dir', profile]);

async function takesJobs(api: Running & { key: string }): Promise<void> {
  const http = createHttp({ ...api, connections: 1 });
  await until(async () => {
    const { status, text } = await http.send({ method: 'POST', path: '/v1/emails', body: JSON.stringify(mail) });
    if (status !== 202) throw new Error(`The API answers ${String(status)}: ${text}`);
  });
}

/** `handoff api`, ready to take jobs; one job has been taken. With `profile`, a CPU profile lies there at the end. */
export async function startApi(stage: Stage, ground: Ground, profile?: string): Promise<Running & { key: string }> {
  const { stdout } = await promisify(execFile)(process.execPath, [cli, 'keys', 'create'], { env: ground.environment });
  const api = { ...(await start(stage, 'handoff api', ground, [...profiled(profile), cli, 'api'])), key: stdout.trim() };
  await takesJobs(api);
  return api;
}

/** The same build without encryption, authentication and limits, with any key (`bench/peers/unguarded-api.ts`). */
export async function startUnguardedApi(stage: Stage, ground: Ground, profile?: string): Promise<Running & { key: string }> {
  const environment = { ...ground.environment, HANDOFF_ENCRYPTION: 'off', HANDOFF_ENCRYPTION_KEYS: '' };
  const programme = [...profiled(profile), '--import', registerTypeScript, unguarded];
  const api = { ...(await start(stage, 'The unguarded API', { ...ground, environment }, programme)), key: 'any' };
  await takesJobs(api);
  return api;
}

/** `handoff worker`, polling. With `profile`, a CPU profile lies there at the end. */
export async function startWorker(stage: Stage, ground: Ground, profile?: string): Promise<Running> {
  const worker = await start(stage, 'handoff worker', ground, [...profiled(profile), cli, 'worker']);
  await until(async () => {
    const { status } = await fetch(`${worker.url}/readyz`);
    if (status !== 200) throw new Error(`The worker is not ready: ${String(status)}`);
  });
  return worker;
}
