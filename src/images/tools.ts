import { once } from 'node:events';

import { AppError } from '../errors.ts';
import { spawnLimited } from './limited-process.ts';

export interface ToolLimits {
  memoryMb: number;
  seconds: number;
  signal?: AbortSignal | undefined;
}

/** `missing`: not installed. `failed`: it does not understand the file. */
export type ToolOutcome = { output: string } | 'missing' | 'failed';

/** Of what a tool says; more is cut off. */
const longestOutput = 256 * 1024;
const fileMb = 256;

/**
 * A program of the system on one file of `directory`, within limits.
 * @throws AppError `decoder_failed`; the reason of the signal, with the program ended.
 */
export async function runTool(
  directory: string,
  command: readonly string[],
  { memoryMb, seconds, signal }: ToolLimits,
): Promise<ToolOutcome> {
  signal?.throwIfAborted();
  const limits = { memoryMb, fileMb, cpuSeconds: seconds };
  const child = spawnLimited(command, limits, { cwd: directory, stdio: ['ignore', 'pipe', 'ignore'] });
  const over = new AbortController();
  const kill = (): void => {
    child.kill('SIGKILL');
  };
  const timer = setTimeout(() => {
    over.abort();
    kill();
  }, seconds * 1000);
  signal?.addEventListener('abort', kill);
  let output = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    if (output.length < longestOutput) output += text;
  });
  try {
    const [code, by] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
    signal?.throwIfAborted();
    const name = command[0] ?? '';
    if (over.signal.aborted)
      throw new AppError('decoder_failed', `${name} takes more than ${String(seconds)} seconds.`, { retryable: true });
    if (by !== null) throw new AppError('decoder_failed', `${name} ended in the middle of the file (${by}).`, { retryable: true });
    // 126 and 127 are the shell's: it can't be run, it is not there.
    if (code === 126 || code === 127) return 'missing';
    return code === 0 ? { output } : 'failed';
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', kill);
  }
}
