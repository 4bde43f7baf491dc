import { afterAll, beforeAll, expect, test } from '@jest/globals';

import { eventually } from '../support/eventually.ts';
import { startSystem, type TestSystem } from '../support/system.ts';

let system: TestSystem;
beforeAll(async () => {
  system = await startSystem({ taskQueue: 'limits', smtpUrl: 'smtp://127.0.0.1:1', only: [] });
});
afterAll(() => system.close());

const submit = (tenant: string, options = {}) =>
  system.submit('email', { to: ['ada@example.com'], subject: 'Hello', text: 'Hi' }, { tenant, options });

test('the backlog is what waits for workers, and open jobs are those of one tenant, whether they wait or are scheduled', async () => {
  expect(await system.jobs.backlog()).toBe(0);
  for (let i = 0; i < 5; i++) await submit('limits-busy');
  await submit('limits-busy', { delaySeconds: 3_600 });
  await submit('limits-quiet');
  await eventually(async () => {
    expect(await system.jobs.backlog()).toBe(6);
    expect([
      await system.jobs.countOpen('limits-busy'),
      await system.jobs.countOpen('limits-quiet'),
      await system.jobs.countOpen('limits-none'),
    ]).toEqual([6, 1, 0]);
  });
});

test('a limit on open jobs and one on e-mails hold over HTTP with everything real', async () => {
  const api = await system.startApi();
  const key = await api.keyOf('limits-small');
  const headers = { Authorization: `Bearer ${key}`, 'Content-Type': 'application/json' };
  const put = await fetch(`${api.url}/v1/limits`, { method: 'PUT', headers, body: JSON.stringify({ openJobs: 3, emailsPerDay: 5 }) });
  expect(put.status).toBe(200);
  const post = async (recipients: number) => {
    const to = Array.from({ length: recipients }, (_, i) => `a${String(i)}@example.com`);
    const response = await fetch(`${api.url}/v1/emails`, {
      method: 'POST',
      headers,
      body: JSON.stringify({ to, subject: 'x', text: 'x' }),
    });
    const { limit } = (await response.json()) as { limit?: string };
    return [response.status, limit];
  };
  expect([await post(4), await post(2), await post(1)]).toEqual([
    [202, undefined],
    [429, 'emailsPerDay'],
    [202, undefined],
  ]);
  await eventually(async () => {
    expect(await system.jobs.countOpen('limits-small')).toBe(2);
  });
  await fetch(`${api.url}/v1/limits`, { method: 'PUT', headers, body: JSON.stringify({ openJobs: 3 }) });
  expect([await post(1), await post(1)]).toEqual([
    [202, undefined],
    [429, 'openJobs'],
  ]);
  const shown = (await (await fetch(`${api.url}/v1/limits`, { headers })).json()) as Record<string, unknown>;
  expect(shown).toMatchObject({ openJobs: { limit: 3, used: 3 }, requestsPerMinute: { limit: 120_000, own: null } });
  await api.close();
});

test('a limit on concurrent jobs that a tenant sets holds for workers, and jobs that wait go on once it is taken back', async () => {
  const api = await system.startApi();
  const headers = { Authorization: `Bearer ${await api.keyOf('limits-narrow')}`, 'Content-Type': 'application/json' };
  const set = (report: number | null) =>
    fetch(`${api.url}/v1/limits`, { method: 'PUT', headers, body: JSON.stringify({ concurrentJobs: { report } }) });
  expect((await set(1)).status).toBe(200);
  const request = { title: 'x', source: { rows: [{ a: 1 }] }, outputs: [{ format: 'csv' }] };
  const post = async () => {
    const answer = await fetch(`${api.url}/v1/reports`, { method: 'POST', headers, body: JSON.stringify(request) });
    return ((await answer.json()) as { id: string }).id;
  };
  const [first, second] = [await post(), await post()];
  const read = async (id: string) =>
    (await (await fetch(`${api.url}/v1/jobs/${id}`, { headers })).json()) as { status: string; startedAt: string | null };
  // Workflows only: who has a place waits for the activity.
  const worker = await system.startWorker({ only: [] });
  await eventually(async () => {
    const waiting = [await read(first), await read(second)].filter(({ startedAt }) => startedAt === null);
    expect(waiting).toHaveLength(1);
  });
  expect((await set(null)).status).toBe(200);
  await eventually(async () => {
    expect([(await read(first)).startedAt, (await read(second)).startedAt]).not.toContain(null);
  });
  await worker.close();
  await api.close();
});
