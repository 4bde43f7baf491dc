import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { build } from '../../scripts/build.mjs';
import { findTemporalCli } from '../../scripts/temporal-cli.mjs';
import { freePort } from './free-port.ts';

declare global {
  /** Ends the one Temporal server of a run: for `temporal-server-stop.ts`. */
  var stopTemporalServer: (() => Promise<void>) | undefined;
}

const flags = [
  ...['--sqlite-pragma', 'journal_mode=WAL', '--sqlite-pragma', 'synchronous=FULL'],
  ...['--dynamic-config-value', 'matching.enableFairness=true', '--dynamic-config-value', 'history.transferProcessorMaxPollRPS=1000'],
  ...['--dynamic-config-value', 'frontend.namespaceRPS.visibility=1000'],
  // What is to be deleted goes once queues have been acknowledged, which is every 30 s by default.
  ...['--dynamic-config-value', 'history.transferProcessorUpdateAckInterval="1s"'],
  ...['--dynamic-config-value', 'history.visibilityProcessorUpdateAckInterval="1s"'],
  // Lets a test skip time in a run of its own.
  ...['--dynamic-config-value', 'frontend.WorkflowTimeSkippingEnabled=true'],
  ...['--search-attribute', 'HandoffTenant=Keyword', '--search-attribute', 'HandoffState=Keyword'],
  ...['--search-attribute', 'HandoffLabels=KeywordList'],
];

/** Jest's globalSetup. The workflows are bundled once, not by each file. With TEMPORAL_ADDRESS set, that server is used and none is started. */
export default async function startTemporalServer(): Promise<void> {
  await build();
  process.env['HANDOFF_TEST_WORKFLOWS'] = fileURLToPath(new URL('../../dist/workflow-bundle.js', import.meta.url));
  if (process.env['TEMPORAL_ADDRESS']) return;
  const log = (line: string): void => {
    console.error(line);
  };
  const cli = await findTemporalCli({ log });
  const port = await freePort();
  const directory = await mkdtemp(join(tmpdir(), 'handoff-temporal-'));
  const place = ['--ip', '127.0.0.1', '--port', String(port), '--headless', '--log-level', 'error', '--db-filename', 'temporal.sqlite'];
  const server = spawn(cli, ['server', 'start-dev', ...place, ...flags], { cwd: directory, stdio: ['ignore', 'ignore', 'pipe'] });
  endWithUs(server, directory);
  const stop = async (): Promise<void> => {
    await end(server);
    await rm(directory, { recursive: true, force: true });
  };
  try {
    await untilServing(server, cli, `127.0.0.1:${String(port)}`);
  } catch (error) {
    await stop();
    throw error;
  }
  process.env['TEMPORAL_ADDRESS'] = `127.0.0.1:${String(port)}`;
  globalThis.stopTemporalServer = stop;
}

/** An open port is not enough: the namespace and its search attributes come a moment later. */
async function untilServing(server: ChildProcess, cli: string, address: string): Promise<void> {
  let said = '';
  server.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-4000);
  });
  const deadline = Date.now() + 120_000;
  const question = ['operator', 'search-attribute', 'list', '--namespace', 'default', '--address', address];
  while (Date.now() < deadline && isRunning(server)) {
    const answer = await promisify(execFile)(cli, question, { timeout: 20_000 }).catch(() => undefined);
    if (answer?.stdout.includes('HandoffLabels')) return;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  throw new Error(`The Temporal dev server ${isRunning(server) ? 'does not answer' : 'ended at once'}. It said:\n${said}`);
}

function isRunning(child: ChildProcess): boolean {
  return child.exitCode === null && child.signalCode === null;
}

async function end(server: ChildProcess): Promise<void> {
  if (!isRunning(server)) return;
  const exited = once(server, 'exit');
  server.kill('SIGTERM');
  await exited;
}

/** No teardown runs when Jest is interrupted: take the server along then, too. */
function endWithUs(server: ChildProcess, directory: string): void {
  const kill = (): void => {
    server.kill('SIGKILL');
    rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
  };
  process.once('exit', kill);
  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const) {
    const onSignal = (): void => {
      process.exit(code);
    };
    process.once(signal, onSignal);
    server.once('exit', () => process.off(signal, onSignal));
  }
  server.once('exit', () => process.off('exit', kill));
}
