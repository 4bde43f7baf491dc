import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Process {
  name: string;
  pid: number;
  url: string;
  /** Resolves when it has ended, with what a shell would see: 128 + the signal's number for a signal. */
  ended: Promise<string>;
  kill(signal: NodeJS.Signals): void;
  lastWords(): string;
}

export interface Start {
  name: string;
  argv: string[];
  env: Record<string, string>;
  port: number;
  logDir: string;
}

/** The environment is exactly `env` and PATH: nothing of the caller's settings gets in. */
export function startProcess({ name, argv, env, port, logDir }: Start): Process {
  const log = join(logDir, `${name}.log`);
  const fd = openSync(log, 'a');
  const [command = '', ...args] = argv;
  const child: ChildProcess = spawn(command === 'node' ? process.execPath : command, args, {
    env: { PATH: process.env['PATH'] ?? '', ...env },
    stdio: ['ignore', fd, fd],
  });
  closeSync(fd);
  // However this run ends, nothing of it goes on.
  process.once('exit', () => child.kill('SIGKILL'));
  const ended = new Promise<string>((resolve) => {
    child.once('error', (error) => {
      resolve(error.message);
    });
    child.once('exit', (code, signal) => {
      resolve(signal ?? `exit ${String(code)}`);
    });
  });
  return {
    name,
    pid: child.pid ?? 0,
    url: `http://127.0.0.1:${String(port)}`,
    ended,
    kill: (signal) => {
      child.kill(signal);
    },
    lastWords: () => readFileSync(log, 'utf8').trimEnd().split('\n').slice(-25).join('\n'),
  };
}
