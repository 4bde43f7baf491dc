import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { Scope } from '../src/lifecycle.ts';

/** What one benchmark starts and leaves behind, until the end of it. */
export interface Stage extends Scope {
  /** Its own, removed at the end. */
  readonly directory: string;
  say: (line: string) => void;
}

const stopWithinMs = 20_000;
/** Of every stage: also when this process is told to stop, nothing stays. */
const children = new Map<ChildProcess, NodeJS.Signals>();
const directories = new Set<string>();
process.on('exit', () => {
  for (const [child, signal] of children) child.kill(signal);
  for (const directory of directories) rmSync(directory, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
});

/** Runs `act` and then ends, in reverse order, whatever it has put on the stage. */
export async function onStage<T>(say: (line: string) => void, act: (stage: Stage) => Promise<T>): Promise<T> {
  const closers: (() => Promise<void> | void)[] = [];
  const closing: Stage['closing'] = (thing, close) => {
    closers.push(() => close(thing));
    return thing;
  };
  try {
    return await act({ directory: await temporaryDirectory({ closing }), say, closing });
  } finally {
    for (const close of closers.reverse())
      await Promise.resolve(close()).catch((error: unknown) => {
        say(`While stopping: ${String(error)}`);
      });
  }
}

/** Removed with the stage. */
export async function temporaryDirectory({ closing }: Pick<Stage, 'closing'>): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'handoff-bench-'));
  directories.add(directory);
  return closing(directory, async () => {
    await rm(directory, { recursive: true, force: true, maxRetries: 5 });
    directories.delete(directory);
  });
}

/** Ends with the stage: SIGTERM, after 20 s SIGKILL. `atOnce` is what it gets when this process ends early. */
export function keep(stage: Stage, child: ChildProcess, atOnce: NodeJS.Signals = 'SIGKILL'): { stop: () => Promise<void> } {
  children.set(child, atOnce);
  child.once('exit', () => children.delete(child));
  const stop = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), stopWithinMs);
    await gone;
    clearTimeout(timer);
  };
  return stage.closing({ stop }, ({ stop: end }) => end());
}

/** Tries until it does not throw. @throws the last error. */
export async function until<T>(attempt: () => Promise<T> | T, { within = 120_000, every = 100 } = {}): Promise<T> {
  for (const deadline = Date.now() + within; ;) {
    try {
      return await attempt();
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, every));
    }
  }
}
