import { execFile, fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';

import { findTemporalCli } from '../../scripts/temporal-cli.mjs';
import { assertPortFree } from '../../src/port-check.ts';
import { startDevServer, type DevServer } from '../../src/temporal/dev-server.ts';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/free-port.ts';

const program = fileURLToPath(new URL('../support/dev-server-parent.ts', import.meta.url));
const register = new URL('../support/register-ts.mjs', import.meta.url).href;

let cli: string;
let dataDir: string;
let port: number;
let lines: string[];
let cleanUp: (() => Promise<void>)[];

beforeAll(async () => {
  cli = await findTemporalCli();
});

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'handoff-dev-server-'));
  port = await freePort();
  lines = [];
  cleanUp = [];
});

afterEach(async () => {
  for (const step of cleanUp.reverse()) await step();
  await rm(dataDir, { recursive: true, force: true });
});

async function startHere(uiPort?: number): Promise<DevServer> {
  const log = (line: string): void => {
    lines.push(line);
  };
  const server = await startDevServer({ cli, port, dataDir, log, ...(uiPort === undefined ? {} : { uiPort }) });
  cleanUp.push(() => server.stop());
  return server;
}

async function startElsewhere(): Promise<ChildProcess> {
  const parent = fork(program, [cli, String(port), dataDir], { execArgv: ['--import', register], stdio: 'inherit' });
  cleanUp.push(() => kill(parent));
  expect(await once(parent, 'message')).toEqual(['ready', undefined]);
  return parent;
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill('SIGKILL');
  await exit;
}

const temporalPid = async (): Promise<number> => Number(await readFile(join(dataDir, 'temporal.pid'), 'utf8'));

/** What still runs of the guard and of Temporal: every process that has our database in its command line. */
async function processesLeft(): Promise<string[]> {
  const { stdout } = await promisify(execFile)('ps', ['-ww', '-eo', 'pid,stat,args']);
  return stdout.split('\n').filter((line) => line.includes(join(dataDir, 'temporal.db')));
}

const expectNothingLeft = async (): Promise<void> => {
  await eventually(async () => {
    expect(await processesLeft()).toEqual([]);
  });
  await assertPortFree(port, 'HANDOFF_TEMPORAL_PORT');
};

describe('the Temporal dev server', () => {
  it('serves gRPC and the Web UI, and stop() leaves no process and no port behind', async () => {
    const uiPort = await freePort();
    const server = await startHere(uiPort);
    expect(server.address).toBe(`127.0.0.1:${String(port)}`);
    await eventually(async () => {
      expect((await fetch(`${server.uiUrl ?? ''}/`)).status).toBe(200);
    });
    await server.stop();
    await server.stop();
    expect(await processesLeft()).toEqual([]);
    await assertPortFree(port, 'HANDOFF_TEMPORAL_PORT');
    await assertPortFree(uiPort, 'HANDOFF_TEMPORAL_UI_PORT');
    expect(lines).toEqual([]);
  });

  it('dies with the process that started it, although that is killed with kill -9', async () => {
    const parent = await startElsewhere();
    expect(await processesLeft()).not.toEqual([]);
    await kill(parent);
    await expectNothingLeft();
  });

  it('starts again when Temporal is killed', async () => {
    const server = await startHere();
    const first = await temporalPid();
    process.kill(first, 'SIGKILL');
    await eventually(() => {
      expect(lines).toContain('Temporal runs again.');
    });
    expect(await temporalPid()).not.toBe(first);
    expect(lines[0]).toMatch(/^Temporal ended by itself \(137\); it starts again in 1 s/);
    await server.stop();
    await expectNothingLeft();
  });

  it('starts again when the shell around Temporal is killed, and leaves no second Temporal', async () => {
    const server = await startHere();
    const first = await temporalPid();
    const [guard] = (await processesLeft()).map((line) => Number.parseInt(line, 10)).sort((a, b) => a - b);
    process.kill(guard ?? 0, 'SIGKILL');
    await eventually(() => {
      expect(lines).toContain('Temporal runs again.');
    });
    const second = await temporalPid();
    expect(second).not.toBe(first);
    await eventually(async () => {
      const temporals = (await processesLeft()).filter((line) => line.includes(`${cli} server`) && !line.includes('handoff-guard'));
      expect(temporals.map((line) => Number.parseInt(line, 10))).toEqual([second]);
    });
    await server.stop();
    await expectNothingLeft();
  });

  it('stops for good while it waits for the next start', async () => {
    const server = await startHere();
    process.kill(await temporalPid(), 'SIGKILL');
    await eventually(() => {
      expect(lines[0]).toContain('it starts again');
    });
    await server.stop();
    await expectNothingLeft();
    expect(lines).not.toContain('Temporal runs again.');
  });

  it('clears away a Temporal that an earlier run left in this data directory', async () => {
    const parent = await startElsewhere();
    const orphan = await temporalPid();
    // Everything that would have ended it goes first: the shell with its watcher, and the parent, which must not see the shell go.
    parent.kill('SIGSTOP');
    for (const pid of (await processesLeft()).map((line) => Number.parseInt(line, 10))) if (pid !== orphan) process.kill(pid, 'SIGKILL');
    await kill(parent);
    const server = await startHere();
    expect(lines).toEqual([`Killed the Temporal (process ${String(orphan)}) that an earlier run left behind.`]);
    await server.stop();
    await expectNothingLeft();
  });

  it('refuses a port in use and names the variable that moves it', async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(port, '127.0.0.1', resolve));
    cleanUp.push(async () => {
      await new Promise((resolve) => taken.close(resolve));
    });
    await expect(startHere()).rejects.toThrow(`Port ${String(port)} is in use: set HANDOFF_TEMPORAL_PORT to another one.`);
  });

  it('shows what Temporal said when it does not come up', async () => {
    const log = (): void => undefined;
    const start = startDevServer({ cli, port, dataDir, log, flags: ['--search-attribute', 'Broken=Nonsense'] });
    await expect(start).rejects.toThrow(/Temporal ended while it started[^]*Nonsense/);
    expect(await processesLeft()).toEqual([]);
  });
});
