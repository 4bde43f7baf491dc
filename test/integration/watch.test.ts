import { Readable } from 'node:stream';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';

import type { JobResource } from '../../src/http/presentation.ts';
import type { Progress } from '../../src/jobs/progress.ts';
import { type EventClient, follow } from '../support/event-client.ts';
import { eventually } from '../support/eventually.ts';
import { startMailServer } from '../support/mail-server.ts';
import { startSystem, type TestApiProcess, type TestSystem } from '../support/system.ts';

let system: TestSystem;
let mail: Awaited<ReturnType<typeof startMailServer>>;
let api: TestApiProcess;
let key: string;
let clients: EventClient[];
/** Reading of a report's rows stops in the middle until then. */
let goOn: () => void = () => undefined;
let gate: Promise<void> = Promise.resolve();

beforeAll(async () => {
  mail = await startMailServer();
  system = await startSystem({
    taskQueue: 'test-watch',
    smtpUrl: `smtp://127.0.0.1:${String(mail.port)}`,
    wrapFiles: (files) => ({ ...files, read: (file, range) => Readable.from(stopping(files.read(file, range))) }),
  });
  api = await system.startApi();
  key = await api.keyOf('acme');
});
afterAll(async () => {
  await system.close();
  await mail.close();
});
beforeEach(() => {
  clients = [];
});
afterEach(() => {
  goOn();
  for (const client of clients) client.leave();
});

async function* stopping(bytes: AsyncIterable<unknown>): AsyncGenerator {
  for await (const chunk of bytes) {
    yield chunk;
    await gate;
  }
}

async function send(method: string, path: string, body?: unknown, headers: Record<string, string> = {}) {
  const response = await fetch(`${api.url}${path}`, {
    method,
    headers: { Authorization: `Bearer ${key}`, ...(body !== undefined && { 'Content-Type': 'application/json' }), ...headers },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, job: (text === '' ? undefined : JSON.parse(text)) as JobResource };
}

async function followed(id: string): Promise<EventClient> {
  const client = await follow({ url: `${api.url}/v1/jobs/${id}/events`, key });
  clients.push(client);
  return client;
}

const email = (to: string) => ({ to: [to], subject: 'Hello', text: 'Hi' });

describe('the event stream of a real job', () => {
  test('shows it running, the progress of its heartbeats, and the end', async () => {
    gate = new Promise((resolve) => (goOn = resolve));
    const rows = Array.from({ length: 30_000 }, (_, index) => ({ city: 'Oslo', sum: index }));
    const { job } = await send('POST', '/v1/reports', { title: 'Sales', source: { rows }, outputs: [{ format: 'csv' }] });
    const client = await followed(job.id);
    const seen = await eventually(() => {
      const found = client.events
        .map(({ event, data }) => (event === 'progress' ? (data as Progress) : (data as JobResource).progress))
        .find(Boolean);
      expect(found).toMatchObject({ total: 30_000, unit: 'rows', stage: 'writing csv' });
      return found as Progress;
    });
    expect(seen.done).toBeGreaterThanOrEqual(1_000);
    expect(seen.done).toBeLessThan(30_000);
    goOn();
    const done = await client.next('done');
    await client.ended();
    expect(done.data).toMatchObject({ id: job.id, status: 'completed', result: { rows: 30_000 } });
    const statuses = client.events.filter(({ event }) => event !== 'progress').map(({ data }) => (data as JobResource).status);
    expect(statuses).toContain('running');
    expect(statuses.at(-1)).toBe('completed');
    expect(statuses.filter((status) => status === 'completed')).toHaveLength(1);
    const again = await send('GET', `/v1/jobs/${job.id}/events`, undefined, { 'Last-Event-ID': String(done.id) });
    expect(again.status).toBe(204);
  });

  test('and a waiting request do not hold up an API that stops', async () => {
    const other = await system.startApi();
    const { job } = await send('POST', '/v1/emails', { ...email('later@example.com'), options: { delaySeconds: 86_400 } });
    const client = await follow({ url: `${other.url}/v1/jobs/${job.id}/events`, key });
    clients.push(client);
    await client.next('status');
    const waiting = fetch(`${other.url}/v1/jobs/${job.id}?wait=30`, { headers: { Authorization: `Bearer ${key}`, Connection: 'close' } });
    // Both go by one look; that the request waits shows nowhere but in what the process has open.
    await eventually(async () => {
      const text = await (await fetch(`${other.url}/metrics`)).text();
      expect(/^handoff_upstream_looks_total (\d+)$/m.exec(text)?.[1]).not.toBe('0');
    });
    await other.close();
    await client.ended();
    expect([client.events.map(({ event }) => event), client.response.complete]).toEqual([['status'], true]);
    // Either it was waiting and got what is known, or it came too late to be taken.
    const answer = await waiting.then(
      ({ status }) => status,
      () => 'refused',
    );
    expect([200, 'refused']).toContain(answer);
  });
});

describe('waiting for a real job', () => {
  test('gives the finished job to a submission that prefers to wait', async () => {
    const { status, headers, job } = await send('POST', '/v1/emails', email('wait@example.com'), { Prefer: 'wait=30' });
    expect([status, job]).toMatchObject([
      200,
      { status: 'completed', result: { messages: [{ recipient: 'wait@example.com', status: 'sent' }] } },
    ]);
    expect([headers.get('Preference-Applied'), headers.get('Location')]).toEqual(['wait=30', `/v1/jobs/${job.id}`]);
  });

  test('gives the finished job to whoever asks for it with ?wait', async () => {
    const { status, job } = await send('POST', '/v1/emails', email('get@example.com'));
    expect(status).toBe(202);
    const waited = await send('GET', `/v1/jobs/${job.id}?wait=30`);
    expect([waited.status, waited.job]).toMatchObject([200, { id: job.id, status: 'completed' }]);
    const etag = String(waited.headers.get('ETag'));
    expect((await send('GET', `/v1/jobs/${job.id}?wait=30`, undefined, { 'If-None-Match': etag })).status).toBe(304);
  });
});
