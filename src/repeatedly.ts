import { setTimeout as sleep } from 'node:timers/promises';

import type { Scope } from './lifecycle.ts';

/** Between the end of one time and the next, in milliseconds. */
const pauseMs = 60_000;

/** Does something now, and again and again until the scope closes, which waits for what is being done. */
export function repeatedly(scope: Scope, work: () => Promise<void>, onFailure: (error: unknown) => void): void {
  const closing = new AbortController();
  const { signal } = closing;
  async function run(): Promise<void> {
    while (!signal.aborted) {
      await work().catch(onFailure);
      await sleep(pauseMs, undefined, { signal, ref: false }).catch(() => undefined);
    }
  }
  const ended = run().catch(onFailure);
  scope.closing(closing, async () => {
    closing.abort();
    await ended;
  });
}
