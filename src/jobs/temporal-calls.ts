import type { Client } from '@temporalio/client';

import { createGate } from './gate.ts';
import { isOutage } from './outage.ts';

/** Every call to Temporal from an HTTP handler goes through here. */
export interface TemporalCalls {
  /** @throws AppError `temporal_unavailable` within 4 s; what Temporal refused is thrown as it is. */
  call: <T>(run: (client: Client) => Promise<T>) => Promise<T>;
  /** The same for Visibility (lists and counts), which is limited on its own: its trouble must not hold up the rest. */
  look: <T>(run: (client: Client) => Promise<T>) => Promise<T>;
  /** The same for what is only looked at in the background. */
  glance: <T>(run: (client: Client) => Promise<T>) => Promise<T>;
  /** @throws AppError `temporal_unavailable` when there is no connection, or Temporal is known to be away. */
  assertReachable: () => void;
  close: () => void;
}

const deadlineMs = 4_000;

/** @param client the connected client. @throws while there is none. */
export function createTemporalCalls(client: () => Client): TemporalCalls {
  const probe = async () => client().workflowService.getSystemInfo({});
  const engine = createGate({ deadlineMs, isOutage, probe });
  const visibility = createGate({ deadlineMs, isOutage, probe });
  const background = createGate({ deadlineMs, isOutage, probe });
  const bounded =
    (gate: typeof engine) =>
    <T>(run: (client: Client) => Promise<T>) =>
      gate(async () => {
        const connected = client();
        return connected.withDeadline(Date.now() + deadlineMs, () => run(connected));
      });
  return {
    call: bounded(engine),
    look: bounded(visibility),
    glance: bounded(background),
    assertReachable: () => {
      client();
      engine.assertOpen();
    },
    close: () => {
      engine.close();
      visibility.close();
      background.close();
    },
  };
}
