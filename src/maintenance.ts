import { setTimeout as sleep } from 'node:timers/promises';

import { workflowTaskQueue } from './jobs/client.ts';
import { ensureMaintenance } from './jobs/maintenance.ts';
import type { Scope } from './lifecycle.ts';
import { errorFacts, type Log } from './log.ts';
import type { TemporalLink } from './temporal/connection.ts';

/** Between tries, in milliseconds. */
const pauseMs = 60_000;

/** Sees to it that the storage is maintained: by a schedule in Temporal, which outlives this process. Tries until it is there. */
export function scheduleMaintenance(scope: Scope, link: TemporalLink, log: Log): void {
  const closing = scope.closing(new AbortController(), (open) => {
    open.abort();
  });
  const { signal } = closing;
  async function schedule(): Promise<void> {
    await link.connected;
    while (!signal.aborted) {
      try {
        await ensureMaintenance(link.client(), workflowTaskQueue);
        return;
      } catch (error) {
        log.warn(errorFacts(error), 'The schedule of the maintenance cannot be made: until then nothing that has expired is removed');
      }
      await sleep(pauseMs, undefined, { signal, ref: false });
    }
  }
  // The link says by itself that it was closed; a pause that is broken off is no news.
  schedule().catch(() => undefined);
}
