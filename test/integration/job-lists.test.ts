import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import { createJobClient, type JobClient } from '../../src/jobs/client.ts';
import { newJobId } from '../../src/jobs/ids.ts';
import type { JobFilter } from '../../src/jobs/job-lists.ts';
import type { JobSummary } from '../../src/jobs/job.ts';
import { jobTypeOf } from '../../src/jobs/registry.ts';
import type { StartOptions } from '../../src/jobs/start-options.ts';
import { listedStatuses, type ListedStatus } from '../../src/jobs/visibility-query.ts';
import { eventually } from '../support/eventually.ts';
import { reply, startMailServer } from '../support/mail-server.ts';
import { startSystem, type TestSystem } from '../support/system.ts';

const [acme, other] = [`acme-${randomUUID().slice(0, 8)}`, `other-${randomUUID().slice(0, 8)}`];
const emailTo = (to: string) => ({ to: [to], subject: 'Hello', text: 'Hi' });

let mail: Awaited<ReturnType<typeof startMailServer>>;
let system: TestSystem;
/** Its jobs go where no worker polls. */
let idle: JobClient;
/** What acme's jobs are, or will be. */
const expected = new Map<string, ListedStatus>();

const idsOf = (items: readonly JobSummary[]) => items.map(({ id }) => id).sort();
const idsWith = (...statuses: ListedStatus[]) => [...expected].flatMap(([id, status]) => (statuses.includes(status) ? [id] : [])).sort();
const list = async (filter: JobFilter, tenant = acme) => (await system.jobs.list(tenant, filter, { limit: 200 })).items;

async function submit(status: ListedStatus, ...[type, request, options]: Parameters<TestSystem['submit']>): Promise<string> {
  const { job } = await system.submit(type, request, { tenant: acme, ...options });
  expected.set(job.id, status);
  return job.id;
}

/** Past the checks of HTTP. */
async function start(client: JobClient, tenant: string, options: StartOptions = {}): Promise<string> {
  const type = jobTypeOf('email');
  if (type === undefined) throw new Error('no such type');
  const [jobId, createdAt] = [newJobId('email', tenant), new Date().toISOString()];
  const input = { from: 'shop@example.org', to: ['ada@example.com'], content: {} };
  await client.start({ jobId, type, tenant, createdAt, input, fingerprint: '', options });
  return jobId;
}

async function startIdle(status: ListedStatus): Promise<string> {
  const id = await start(idle, acme);
  expected.set(id, status);
  return id;
}

/** Visibility is behind by moments. */
async function untilAllAreListed(): Promise<void> {
  await eventually(async () => {
    const items = await list({});
    expect(new Map(items.map(({ id, status }) => [id, status]))).toEqual(expected);
  });
}

beforeAll(async () => {
  mail = await startMailServer({
    onRcptTo({ address }, _session, callback) {
      if (address.startsWith('later')) callback(reply(451, '4.7.1 Come back later'));
      else callback(address.startsWith('never') ? reply(550, '5.1.1 No such user') : undefined);
    },
  });
  system = await startSystem({ taskQueue: 'test-lists', smtpUrl: `smtp://127.0.0.1:${String(mail.port)}` });
  const { link, stores } = system;
  idle = createJobClient({ client: link.client, activityQueues: [], tenantKeys: stores.tenantKeys, taskQueue: 'test-lists-idle' });

  await submit('completed', 'email', emailTo('ada@example.com'), { options: { labels: { order: '42', kind: 'mail' } } });
  await submit('completed', 'report', { title: 'Sales', source: { rows: [{ a: 1 }] }, outputs: [{ format: 'csv' }] });
  await submit('failed', 'email', emailTo('never@example.com'), { options: { labels: { order: '42' } } });
  await submit('dead_lettered', 'email', emailTo('later@example.com'), {
    options: { labels: { order: '42', kind: 'mail' }, retry: { maximumAttempts: 1 }, priority: 1 },
  });
  await submit('scheduled', 'email', emailTo('ada@example.com'), { options: { labels: { order: '43' }, delaySeconds: 3_600 } });
  const cancelled = await submit('cancelled', 'email', emailTo('ada@example.com'), { options: { delaySeconds: 3_600 } });
  await system.jobs.cancel(acme, cancelled);
  expected.set(await start(system.jobs, acme, { startAt: new Date(Date.now() - 60_000), ttlSeconds: 1 }), 'expired');
  await startIdle('running');
  await idle.cancel(acme, await startIdle('running'));
  await link
    .client()
    .workflow.getHandle(await startIdle('failed'))
    .terminate();
  await system.submit('email', emailTo('ada@example.com'), { tenant: other, options: { labels: { order: '42' } } });
  // Not a job, although it is this tenant's.
  await link.client().workflow.start('somethingElse', {
    workflowId: `else-${randomUUID()}`,
    taskQueue: 'test-lists-idle',
    typedSearchAttributes: [{ key: { name: 'HandoffTenant', type: 'KEYWORD' }, value: acme }],
  });

  await untilAllAreListed();
});
afterAll(async () => {
  idle.close();
  await system.close();
  await mail.close();
});

describe('a list of jobs', () => {
  test('has the jobs of one tenant, each with what can be told of it', async () => {
    const items = await list({});
    expect(idsOf(items)).toEqual([...expected.keys()].sort());
    const scheduled = items.find(({ status }) => status === 'scheduled');
    expect(scheduled).toEqual({
      id: idsWith('scheduled')[0],
      type: 'email',
      status: 'scheduled',
      createdAt: expect.any(Date),
      startAt: expect.any(Date),
      finishedAt: null,
      priority: 3,
      labels: { order: '43' },
      deadLetter: null,
    });
    const report = items.find(({ type }) => type === 'report');
    expect(report).toMatchObject({ status: 'completed', startAt: null, labels: {}, finishedAt: expect.any(Date) });
    const single = await system.jobs.get(acme, String(report?.id));
    expect(report).toMatchObject({ createdAt: single?.createdAt, finishedAt: single?.finishedAt });
  });

  test.each(listedStatuses)('filtered by status %s has those jobs and no others', async (status) => {
    const items = await list({ statuses: [status] });
    expect(idsOf(items)).toEqual(idsWith(status));
    expect(items).not.toEqual([]);
    expect(new Set(items.map((item) => item.status))).toEqual(new Set([status]));
  });

  test('takes several statuses and types as any of them', async () => {
    expect(idsOf(await list({ statuses: ['running', 'failed', 'expired'] }))).toEqual(idsWith('running', 'failed', 'expired'));
    expect((await list({ types: ['report'] })).map(({ type }) => type)).toEqual(['report']);
    expect(await list({ types: ['report', 'email'] })).toHaveLength(expected.size);
    expect(await list({ types: ['upload'] })).toEqual([]);
  });

  test('finds jobs by their labels, all of them, and only the own ones', async () => {
    const order = { key: 'order', value: '42' };
    expect(idsOf(await list({ labels: [order] }))).toHaveLength(3);
    expect((await list({ labels: [order, { key: 'kind', value: 'mail' }] })).map(({ status }) => status).sort()).toEqual([
      'completed',
      'dead_lettered',
    ]);
    expect(await list({ labels: [order, { key: 'order', value: '43' }] })).toEqual([]);
    expect(await list({ labels: [{ key: 'order', value: "42' OR HandoffTenant != 'x" }] })).toEqual([]);
    expect(await list({ labels: [order] }, other)).toHaveLength(1);
  });

  test('takes all filters together', async () => {
    const [dead] = await list({ statuses: ['dead_lettered'] });
    const all: JobFilter = {
      types: ['email'],
      statuses: ['dead_lettered', 'completed'],
      labels: [{ key: 'kind', value: 'mail' }],
      createdAfter: new Date(Date.now() - 3_600_000),
      createdBefore: new Date(Date.now() + 3_600_000),
    };
    expect(await list(all)).toHaveLength(2);
    expect(idsOf(await list({ ...all, statuses: ['dead_lettered'] }))).toEqual([dead?.id]);
    expect(await list({ ...all, createdAfter: new Date(Date.now() + 3_600_000) })).toEqual([]);
    expect(await list({ ...all, createdBefore: new Date(Date.now() - 3_600_000) })).toEqual([]);
    expect(idsOf(await list({ createdAfter: dead?.createdAt ?? new Date(NaN) }))).toContain(dead?.id);
    expect(idsOf(await list({ createdBefore: dead?.createdAt ?? new Date(NaN) }))).not.toContain(dead?.id);
  });

  test('in pages gives each job once: open ones first, latest start first; then finished ones, latest end first', async () => {
    const pages: JobSummary[][] = [];
    let cursor: string | null = null;
    do {
      const page = await system.jobs.list(acme, {}, { limit: 2, ...(cursor !== null && { cursor }) });
      pages.push(page.items);
      cursor = page.nextCursor;
    } while (cursor !== null && pages.length < 20);
    expect(pages.slice(0, 5).map((items) => items.length)).toEqual([2, 2, 2, 2, 2]);
    const items = pages.flat();
    expect(items.map(({ id }) => id)).toEqual((await list({})).map(({ id }) => id));
    const order = items.map(({ finishedAt, createdAt }) => [finishedAt?.getTime() ?? Infinity, createdAt.getTime()] as const);
    // Temporal orders ends by the nanosecond: two of one millisecond may stand in either order.
    const later = ([end, start]: (typeof order)[number], [otherEnd, otherStart]: (typeof order)[number]) =>
      end === otherEnd ? (end === Infinity ? otherStart - start : 0) : otherEnd - end;
    expect(order).toEqual([...order].sort(later));
    expect(items.filter(({ finishedAt }) => finishedAt === null)).toHaveLength(idsWith('running', 'scheduled', 'dead_lettered').length);
  });

  test('goes on only for the tenant and the filter that the cursor was given for', async () => {
    const { nextCursor } = await system.jobs.list(acme, {}, { limit: 1 });
    const cursor = String(nextCursor);
    await expect(system.jobs.list(acme, {}, { limit: 5, cursor })).resolves.toMatchObject({ items: { length: 5 } });
    await expect(system.jobs.list(other, {}, { limit: 1, cursor })).rejects.toMatchObject({ code: 'invalid_cursor' });
    await expect(system.jobs.list(acme, { types: ['email'] }, { limit: 1, cursor })).rejects.toMatchObject({ code: 'invalid_cursor' });
  });

  test('of dead letters says which step failed, why, how often it was tried, and since when it is parked', async () => {
    const [dead, ...more] = await list({ statuses: ['dead_lettered'] });
    expect(more).toEqual([]);
    expect(dead).toMatchObject({
      priority: 1,
      labels: { order: '42', kind: 'mail' },
      deadLetter: {
        step: 'deliverEmail',
        reasonClass: 'transient',
        attempts: 1,
        redrives: 0,
        error: { code: 'mail_refused_for_now', message: expect.stringContaining('Come back later') },
      },
    });
    const { since, closesAt } = dead?.deadLetter ?? {};
    expect(since?.getTime()).toBeGreaterThanOrEqual(dead?.createdAt.getTime() ?? Infinity);
    expect(closesAt?.getTime()).toBe((since?.getTime() ?? 0) + 30 * 86_400_000);
  });

  test('calls a job running whose start time has come, while no worker has taken it', async () => {
    const startAt = new Date(Date.now() - 1_000);
    const jobId = await start(idle, other, { startAt });
    await eventually(async () => {
      const found = (await list({ statuses: ['scheduled'] }, other)).find(({ id }) => id === jobId);
      expect(found).toMatchObject({ status: 'running', startAt });
    });
  });
});

describe('counts', () => {
  test('agree with the lists', async () => {
    const counts = Object.fromEntries(listedStatuses.map((status) => [status, idsWith(status).length]));
    expect(await system.jobs.count(acme, {})).toEqual(counts);
  });

  test('take the filters of a list', async () => {
    const none = Object.fromEntries(listedStatuses.map((status) => [status, 0]));
    const filter: JobFilter = { types: ['email'], labels: [{ key: 'order', value: '42' }] };
    expect(await system.jobs.count(acme, filter)).toEqual({ ...none, completed: 1, failed: 1, dead_lettered: 1 });
    expect(await system.jobs.count(acme, { createdBefore: new Date(0) })).toEqual(none);
  });
});
