import { spawn } from 'node:child_process';

/** Children of this process that have not ended. @type {Set<import('node:child_process').ChildProcess>} */
const running = new Set();

/**
 * Runs a program to its end. SIGINT and SIGTERM reach it, and this process then ends with 128 + the signal's number.
 * @param {string} command
 * @param {string[]} args
 * @param {{ env?: Record<string, string | undefined>, capture?: boolean }} [options] `capture` collects the output instead of showing it
 * @returns {Promise<{ code: number, output: string }>} `code` as a shell would see it
 */
export async function run(command, args, { env = {}, capture = false } = {}) {
  forwardSignals();
  // A group of its own, so that a signal reaches Jest's workers, too: they would go on to the end of their test file.
  const stdio = capture ? ['ignore', 'pipe', 'pipe'] : 'inherit';
  const child = spawn(command, args, { stdio, env: { ...process.env, ...env }, detached: true });
  running.add(child);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream?.setEncoding('utf8').on('data', (text) => (output += text));
  return new Promise((resolve) => {
    const ended = (code) => {
      running.delete(child);
      if (signalled === undefined) resolve({ code, output });
      // Told to stop: nothing is to follow.
      else if (running.size === 0) process.exit(128 + signals[signalled]);
    };
    child.once('error', (error) => {
      output += `${error.message}\n`;
      if (!capture) process.stderr.write(`${error.message}\n`);
      ended(127);
    });
    child.once('close', (code, signal) => ended(code ?? 128 + (signals[signal] ?? 0)));
  });
}

const signals = { SIGINT: 2, SIGKILL: 9, SIGTERM: 15 };
/** @type {keyof typeof signals | undefined} */
let signalled;
let forwarding = false;

function forwardSignals() {
  if (forwarding) return;
  forwarding = true;
  for (const signal of ['SIGINT', 'SIGTERM']) {
    process.on(signal, () => {
      signalled ??= signal;
      killGroups(signal);
      if (running.size === 0) process.exit(128 + signals[signal]);
      // After 30 s nobody is asked any more.
      setTimeout(() => killGroups('SIGKILL'), 30_000).unref();
    });
  }
}

function killGroups(signal) {
  for (const child of running) {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, signal);
    } catch {
      // It has just ended.
    }
  }
}
