import type { ChildProcess } from 'node:child_process';
import { closeSync, fstatSync, ftruncateSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { spawnGuarded } from './guard.ts';
import { killLeftOver } from './left-over.ts';

export interface TemporalFiles {
  database: string;
  pid: string;
  log: string;
}

export interface Exit {
  /** 128 + n when signal n ended Temporal. */
  code: number | null;
  /** Set when it ended the shell around Temporal. */
  signal: NodeJS.Signals | null;
}

export interface TemporalProcess {
  exited: Promise<Exit>;
  /** Rejects with the end of the log when Temporal ends, or does not accept connections within 120 s. */
  ready(): Promise<void>;
  stop(): Promise<void>;
}

const readyWithinMs = 120_000;
const stopWithinMs = 10_000;
const maxLogBytes = 10 * 1024 * 1024;

export function temporalFiles(dataDir: string): TemporalFiles {
  const directory = resolve(dataDir);
  return { database: join(directory, 'temporal.db'), pid: join(directory, 'temporal.pid'), log: join(directory, 'logs', 'temporal.log') };
}

/** One run of `temporal server start-dev`: not restarted, and never outliving us. */
export function launchTemporal(options: { cli: string; port: number; args: readonly string[]; files: TemporalFiles }): TemporalProcess {
  const { cli, port, args, files } = options;
  mkdirSync(dirname(files.log), { recursive: true });
  const logFd = openSync(files.log, 'a');
  if (fstatSync(logFd).size > maxLogBytes) ftruncateSync(logFd);
  const logStart = fstatSync(logFd).size;
  const child = spawnGuarded({ command: cli, args, pidFile: files.pid, logFd });
  closeSync(logFd);

  const exited = new Promise<Exit>((resolveExit) => {
    child.once('exit', (code, signal) => {
      resolveExit({ code, signal });
    });
    child.once('error', () => {
      resolveExit({ code: null, signal: null });
    });
  });
  const alive = (): boolean => child.pid !== undefined && child.exitCode === null && child.signalCode === null;
  const lastWords = (): string => readFileSync(files.log).subarray(logStart).toString('utf8').trimEnd().split('\n').slice(-10).join('\n');

  return {
    exited,
    async ready() {
      const deadline = Date.now() + readyWithinMs;
      while (!(await accepts(port)) || !alive()) {
        if (!alive()) throw new Error(`Temporal ended while it started. The end of ${files.log}:\n${lastWords()}`);
        if (Date.now() > deadline)
          throw new Error(`Temporal does not accept connections on port ${String(port)}. The end of ${files.log}:\n${lastWords()}`);
        await sleep(100);
      }
    },
    async stop() {
      if (alive()) {
        child.kill('SIGTERM');
        const timer = setTimeout(() => {
          killGroup(child);
        }, stopWithinMs);
        await exited;
        clearTimeout(timer);
      }
      // Also when only the shell around it was killed, or when Temporal of a killed group is not quite gone.
      await killLeftOver(files.pid, files.database);
      child.stdin?.destroy();
    },
  };
}

function killGroup(child: ChildProcess): void {
  try {
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
  } catch {
    // Gone in the meantime.
  }
}

async function accepts(port: number): Promise<boolean> {
  return await new Promise((resolveAccepts) => {
    const socket = connect({ port, host: '127.0.0.1', timeout: 2_000 });
    const done = (result: boolean) => () => {
      socket.destroy();
      resolveAccepts(result);
    };
    socket.once('connect', done(true)).once('error', done(false)).once('timeout', done(false));
  });
}
