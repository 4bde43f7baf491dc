import { Client } from '@temporalio/client';
import { NativeConnection } from '@temporalio/worker';
import { randomUUID } from 'node:crypto';

import type { BareMail } from '../bare/activities.ts';
import { createHttp } from './http.ts';
import { inFlight } from './in-flight.ts';
import { serve } from './serve.ts';

export type Burst = { count: number; width: number } & (
  | { side: 'product'; url: string; key: string; body: string }
  | { side: 'bare'; address: string; taskQueue: string; workflow: string; mail: BareMail }
);

export interface BurstAccepted {
  /** Workflow Ids. */
  ids: string[];
  /** Of each accepted job, in milliseconds. */
  latencies: number[];
  /** How often what else came instead. */
  refused: Record<string, number>;
  /** Of the first call and the last answer, in milliseconds since 1970. */
  from: number;
  to: number;
}

class Refused extends Error {}

let connecting: Promise<NativeConnection> | undefined;

async function starterOf(burst: Burst): Promise<() => Promise<string>> {
  if (burst.side === 'product') {
    const http = createHttp({ ...burst, connections: burst.width });
    return async () => {
      const { status, text } = await http.send({ method: 'POST', path: '/v1/emails', body: burst.body });
      if (status !== 202) throw new Refused(String(status));
      return (JSON.parse(text) as { id: string }).id;
    };
  }
  const { address, workflow: type, taskQueue, mail } = burst;
  connecting ??= NativeConnection.connect({ address, grpcCompression: { codec: 'none' } });
  const { workflow } = new Client({ connection: await connecting });
  return async () => {
    const workflowId = randomUUID();
    await workflow.start(type, { workflowId, taskQueue, args: [mail] }).catch((error: unknown) => {
      throw new Refused(error instanceof Error ? error.name : 'unknown');
    });
    return workflowId;
  };
}

/** As many jobs as asked for, as fast as they are taken. Nothing is repeated. */
serve(async (burst: Burst): Promise<BurstAccepted> => {
  const start = await starterOf(burst);
  const answer: BurstAccepted = { ids: [], latencies: [], refused: {}, from: Date.now(), to: 0 };
  await inFlight(burst.count, burst.width, async () => {
    const since = performance.now();
    try {
      answer.ids.push(await start());
      answer.latencies.push(performance.now() - since);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      answer.refused[error.message] = (answer.refused[error.message] ?? 0) + 1;
    }
  });
  return { ...answer, to: Date.now() };
});
