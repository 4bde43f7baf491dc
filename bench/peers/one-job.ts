import { Client } from '@temporalio/client';
import { NativeConnection } from '@temporalio/worker';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';

import type { BareMail } from '../bare/activities.ts';
import { createHttp } from './http.ts';
import { serve } from './serve.ts';
import { unread } from './unread.ts';

export type JobKind = 'product' | 'polled' | 'sendOne' | 'sendOneApart' | 'doNothing';

export interface OneJob {
  temporal: string;
  api: { url: string; key: string };
  /** JSON of `POST /v1/emails`. */
  body: string;
  bare: { taskQueue: string; mail: BareMail };
  /** In turn, job by job. */
  kinds: JobKind[];
  /** Of each kind. */
  count: number;
  /** Between two jobs, in milliseconds. */
  restMs: number;
}

const pollEveryMs = 10;

/** Of each kind, in milliseconds. */
export type OneJobTimes = Partial<Record<JobKind, number[]>>;

let connecting: Promise<NativeConnection> | undefined;

/** One job after the other, never two at once, each from asking for it to knowing its result. */
serve(async ({ temporal, api, body, bare, kinds, count, restMs }: OneJob): Promise<OneJobTimes> => {
  connecting ??= NativeConnection.connect({ address: temporal, grpcCompression: { codec: 'none' } });
  const client = new Client({ connection: await connecting, dataConverter: unread });
  const http = createHttp({ ...api, connections: 1 });
  const submit = async () => {
    const { status, text } = await http.send({ method: 'POST', path: '/v1/emails', body });
    if (status !== 202) throw new Error(`The API answered ${String(status)}: ${text}`);
    return (JSON.parse(text) as { id: string }).id;
  };
  const poll = async (id: string) => {
    for (;;) {
      const { text } = await http.send({ method: 'GET', path: `/v1/jobs/${id}` });
      const { status } = JSON.parse(text) as { status: string };
      if (status === 'completed') return;
      if (status === 'failed') throw new Error(`A job failed: ${text}`);
      await new Promise((resolve) => setTimeout(resolve, pollEveryMs));
    }
  };
  const one = async (kind: JobKind) => {
    if (kind === 'product') await client.workflow.getHandle(await submit()).result();
    else if (kind === 'polled') await poll(await submit());
    else {
      const options = { workflowId: randomUUID(), taskQueue: bare.taskQueue, args: kind === 'doNothing' ? [] : [bare.mail] };
      await (await client.workflow.start(kind, options)).result();
    }
  };
  const times: OneJobTimes = {};
  for (let job = 0; job < count * kinds.length; job++) {
    const kind = kinds[job % kinds.length] as JobKind;
    const since = performance.now();
    await one(kind);
    (times[kind] ??= []).push(performance.now() - since);
    await sleep(restMs);
  }
  return times;
});
