import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';

import { AppError } from '../../../src/errors.ts';
import type { Job } from '../../../src/jobs/job.ts';
import { aJob, keys, testApi } from '../../support/api.ts';
import { eventually } from '../../support/eventually.ts';
import { type EventClient, follow as followUrl } from '../../support/event-client.ts';

const api = testApi({ streams: { perKey: 3, heartbeatMs: 20 } });
const { id } = aJob({});
const path = `/v1/jobs/${id}/events`;
const progress = (done: number) => ({ done, total: 1_000, unit: 'rows', stage: 'rendering' });

let clients: EventClient[];
beforeEach(() => {
  clients = [];
});
afterEach(() => {
  for (const client of clients) client.leave();
});

function is(changes: Partial<Job>): void {
  const job = aJob({ id, ...changes });
  api.jobs.get = (tenant, asked) => Promise.resolve(tenant === 'acme' && asked === id ? job : undefined);
}

async function follow(lastEventId?: string): Promise<EventClient> {
  const url = `http://127.0.0.1:${String(api.port)}${path}`;
  const client = await followUrl({ url, key: keys.acme, ...(lastEventId !== undefined && { lastEventId }) });
  clients.push(client);
  return client;
}

const soon = <T>(assertion: () => T) => eventually(assertion, { every: 10 });
const streams = async () => Number(/^handoff_event_streams (\d+)$/m.exec((await api.anonymous().get('/metrics')).text)?.[1]);
const namesOf = ({ events }: EventClient) => events.map(({ event }) => event);

describe('the event stream of a job', () => {
  test('begins with the job as it is, tells each change, and ends with the finished job', async () => {
    is({ status: 'queued' });
    const client = await follow();
    expect((await client.next('status')).data).toEqual((await api.agent().get(`/v1/jobs/${id}`)).body);
    is({ status: 'running' });
    await soon(() => {
      expect(client.events).toHaveLength(2);
    });
    is({ status: 'completed', result: { messages: [] } });
    const done = await client.next('done');
    await client.ended();
    expect(done.data).toEqual((await api.agent().get(`/v1/jobs/${id}`)).body);
    expect(client.events.map(({ event, data }) => [event, (data as Job).status])).toEqual([
      ['status', 'queued'],
      ['status', 'running'],
      ['done', 'completed'],
    ]);
    expect(client.response.complete).toBe(true);
  });

  test('is one that nothing on the way keeps, holds back or compresses', async () => {
    is({ status: 'queued' });
    const client = await follow();
    await client.next('status');
    expect(client.response.statusCode).toBe(200);
    expect(client.response.headers).toMatchObject({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    });
    expect(client.response.headers).not.toHaveProperty('content-encoding');
    expect(client.text()).toMatch(/^retry: \d+\n\n/);
  });

  test('tells progress as progress, no more than about once a second, and the latest', async () => {
    let done = 0;
    api.jobs.get = () => Promise.resolve(aJob({ id, status: 'running', progress: progress(++done) }));
    const client = await follow();
    const since = performance.now();
    await soon(() => {
      expect(client.events.length).toBeGreaterThanOrEqual(3);
    });
    const seconds = (performance.now() - since) / 1000;
    expect(namesOf(client).slice(0, 3)).toEqual(['status', 'progress', 'progress']);
    expect(client.events.length - 1).toBeLessThanOrEqual(seconds / 0.9 + 1);
    const [, first, second] = client.events.map(({ data }) => data as { done: number });
    // Looks in between were left out.
    expect((second?.done ?? 0) - (first?.done ?? 0)).toBeGreaterThan(5);
    expect(first).toEqual(progress(first?.done ?? 0));
  });

  test('sends a change of the status at once, with the progress that was held back', async () => {
    is({ status: 'running', progress: progress(1) });
    const client = await follow();
    await client.next('status');
    is({ status: 'running', progress: progress(2) });
    await soon(() => {
      expect(api.watcher.looks()).toBeGreaterThan(10);
    });
    is({ status: 'retrying', progress: progress(2) });
    await soon(() => {
      expect(client.events).toHaveLength(2);
    });
    expect(client.events[1]).toMatchObject({ event: 'status', data: { status: 'retrying', progress: progress(2) } });
  });

  test('sends a comment now and then, so that nobody takes it for dead', async () => {
    is({ status: 'scheduled', startAt: new Date(Date.now() + 86_400_000) });
    const client = await follow();
    await soon(() => {
      expect(client.text().match(/^:\n\n/gm)?.length).toBeGreaterThanOrEqual(3);
    });
    expect(client.events).toHaveLength(1);
  });

  test('is one watch for many clients', async () => {
    is({ status: 'queued' });
    const all = [await follow(), await follow(), await follow()];
    expect(api.watcher.jobs()).toBe(1);
    is({ status: 'cancelled' });
    for (const client of all) await client.ended();
    expect(all.map(namesOf)).toEqual(Array.from({ length: 3 }, () => ['status', 'done']));
    expect(api.watcher.jobs()).toBe(0);
  });

  test('ends with its client', async () => {
    is({ status: 'queued' });
    const client = await follow();
    client.leave();
    await soon(() => {
      expect(api.watcher.jobs()).toBe(0);
    });
    expect(await streams()).toBe(0);
  });

  test('ends when the process stops, and the connection with it', async () => {
    is({ status: 'queued' });
    const client = await follow();
    await client.next('status');
    api.watcher.close();
    await client.ended();
    expect([namesOf(client), client.response.complete, client.response.headers.connection]).toEqual([['status'], true, 'close']);
  });

  test('has a head, which costs no stream', async () => {
    is({ status: 'queued' });
    for (let i = 0; i < 5; i++) {
      const head = await api.agent().head(path);
      expect([head.status, head.get('Content-Type'), head.text]).toEqual([200, 'text/event-stream; charset=utf-8', undefined]);
    }
    expect(api.watcher.jobs()).toBe(0);
  });
});

describe('a client that comes again', () => {
  test('gets no repetition when nothing has changed, and what comes after', async () => {
    is({ status: 'queued' });
    const first = await follow();
    const { id: version } = await first.next('status');
    first.leave();
    const again = await follow(version);
    await soon(() => {
      expect(again.text()).toContain(':\n\n');
    });
    expect(again.events).toEqual([]);
    is({ status: 'completed' });
    await again.ended();
    expect(namesOf(again)).toEqual(['done']);
  });

  test('gets the job as it is when it has changed meanwhile', async () => {
    is({ status: 'queued' });
    const { id: version } = await (await follow()).next('status');
    is({ status: 'running' });
    await soon(async () => {
      expect((await (await follow(version)).next('status')).data).toMatchObject({ status: 'running' });
    });
  });

  test('gets the end when it missed it, and 204 when it has it', async () => {
    is({ status: 'completed' });
    const missed = await follow('something-else');
    await missed.ended();
    expect(namesOf(missed)).toEqual(['done']);
    const after = await api
      .agent()
      .get(path)
      .set('Last-Event-ID', missed.events[0]?.id ?? '');
    expect([after.status, after.text, after.get('Cache-Control')]).toEqual([204, '', 'no-store']);
  });

  test('knows after a progress event what it has seen', async () => {
    is({ status: 'running', progress: progress(1) });
    const first = await follow();
    await first.next('status');
    is({ status: 'running', progress: progress(2) });
    const { id: version } = await first.next('progress');
    const again = await follow(version);
    await soon(() => {
      expect(again.text()).toContain(':\n\n');
    });
    expect(again.events).toEqual([]);
  });
});

describe('no stream begins', () => {
  test('for a job that is unknown or another tenant’s', async () => {
    is({ status: 'queued' });
    const foreign = await api.agent(keys.other).get(path);
    api.jobs.get = () => Promise.resolve(undefined);
    const unknown = await api.agent().get(path);
    for (const answer of [foreign, unknown]) {
      expect([answer.status, answer.body]).toMatchObject([404, { code: 'not_found' }]);
      expect(answer.get('Content-Type')).toBe('application/problem+json; charset=utf-8');
    }
    expect(await streams()).toBe(0);
  });

  test('while Temporal does not answer', async () => {
    api.jobs.get = () => Promise.reject(new AppError('temporal_unavailable', 'away', { retryable: true, retryAfterSeconds: 5 }));
    const answer = await api.agent().get(path);
    expect([answer.status, answer.get('Retry-After')]).toEqual([503, '5']);
    expect(await streams()).toBe(0);
  });

  test('beyond the limit of the key, until one has ended', async () => {
    is({ status: 'queued' });
    const [first] = [await follow(), await follow(), await follow()];
    expect(await streams()).toBe(3);
    const refused = await api.agent().get(path);
    expect([refused.status, refused.body]).toMatchObject([429, { code: 'too_many_streams', retryable: true }]);
    expect(Number(refused.get('Retry-After'))).toBeGreaterThan(0);
    expect(JSON.stringify(refused.body)).not.toContain(keys.acme);
    // Another key has its own.
    expect((await api.agent(keys.other).get(path)).status).toBe(404);
    first.leave();
    await soon(async () => {
      expect(await streams()).toBe(2);
    });
    expect((await follow()).response.statusCode).toBe(200);
  });
});
