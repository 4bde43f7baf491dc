import { spawn } from 'node:child_process';
import { constants } from 'node:os';

const keptLines = 25;

/**
 * Runs a program to its end, collects what it prints and says every 15 s that it still runs.
 * When we are told to stop, it is stopped too: a background install must not outlive the command that asked for it.
 *
 * Resolves also when the program fails; `code` is null when it could not be started, ran too long or was killed.
 *
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ cwd?: string, env?: NodeJS.ProcessEnv, timeoutMs?: number, log?: (line: string) => void, what?: string }} [options]
 * @returns {Promise<{ code: number | null, output: string }>} `output`: its last lines, stdout and stderr together
 */
export async function runCommand(command, args, { cwd, env = process.env, timeoutMs = 0, log, what = command } = {}) {
  const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  const collect = (chunk) => {
    text = (text + chunk).slice(-20_000);
  };
  child.stdout.setEncoding('utf8').on('data', collect);
  child.stderr.setEncoding('utf8').on('data', collect);

  const stopLiving = log ? showLife(what, log) : () => undefined;
  const timer = timeoutMs > 0 ? setTimeout(() => child.kill('SIGKILL'), timeoutMs) : undefined;
  const onSignal = (signal) => {
    child.kill(signal);
    process.exit(128 + constants.signals[signal]);
  };
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal).on('SIGHUP', onSignal);
  try {
    return await new Promise((resolve) => {
      const done = (code) => {
        resolve({ code, output: text.trimEnd().split('\n').slice(-keptLines).join('\n') });
      };
      child.on('error', (error) => {
        collect(error.message);
        done(null);
      });
      child.on('close', done);
    });
  } finally {
    stopLiving();
    clearTimeout(timer);
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal).off('SIGHUP', onSignal);
  }
}

/**
 * Says every 15 s that something still goes on, until the returned function is called.
 *
 * @param {string} what
 * @param {(line: string) => void} log
 * @returns {() => void}
 */
export function showLife(what, log) {
  const start = Date.now();
  const timer = setInterval(() => log(`  ${what}: still running, ${Math.round((Date.now() - start) / 1000)} s`), 15_000);
  return () => clearInterval(timer);
}
