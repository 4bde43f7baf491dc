import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import type { BulkAction, BulkRequest } from '../../src/jobs/bulk.ts';
import { actionable, type BulkActionKind, type BulkPage } from '../../src/jobs/bulk-action.ts';
import { createBulkJobs } from '../../src/jobs/bulk-jobs.ts';
import { newJobId } from '../../src/jobs/ids.ts';
import type { Job } from '../../src/jobs/job.ts';
import { createTemporalCalls } from '../../src/jobs/temporal-calls.ts';
import { eventually } from '../support/eventually.ts';
import { reply, startMailServer } from '../support/mail-server.ts';
import { startSystem, type TestSystem } from '../support/system.ts';

let mail: Awaited<ReturnType<typeof startMailServer>>;
let system: TestSystem;
let workers: { close(): Promise<void> };
/** Whose addresses begin with `later` is refused. */
const refused = new Set<string>();

beforeAll(async () => {
  mail = await startMailServer({
    onRcptTo({ address }, _session, callback) {
      const tenant = address.slice(address.indexOf('@') + 1, -'.test'.length);
      callback(address.startsWith('later') && refused.has(tenant) ? reply(451, '4.7.1 Come back') : null);
    },
  });
  system = await startSystem({ taskQueue: 'test-bulk', smtpUrl: `smtp://127.0.0.1:${String(mail.port)}`, only: [] });
  workers = await system.startWorker({ only: ['email', 'operations'] });
});
afterAll(async () => {
  await system.close();
  await mail.close();
});

/** A tenant of its own for each test: its name is the domain of its recipients. */
const newTenant = () => `t-${randomUUID().slice(0, 8)}`;
const mailTo = (address: string) => mail.received.filter(({ recipients }) => recipients.includes(address)).length;
const recipients = (tenant: string, index: number) => [`now${String(index)}@${tenant}.test`, `later${String(index)}@${tenant}.test`];
const jobOf = async (tenant: string, id: string) => (await system.jobs.get(tenant, id)) as Job;
const jobsOf = (tenant: string, ids: string[]) => Promise.all(ids.map((id) => jobOf(tenant, id)));
const parkedAmong = (jobs: Job[]) => jobs.filter(({ status }) => status === 'dead_lettered').length;

const bulkJobs = () => createBulkJobs(createTemporalCalls(system.link.client));

/** Jobs that wait as dead letters, each with one of its two mails sent, and that lists know of. */
async function park(tenant: string, count: number): Promise<string[]> {
  refused.add(tenant);
  const submitted = Array.from({ length: count }, (_, index) =>
    system.submit(
      'email',
      { to: recipients(tenant, index), subject: 'Hello', text: 'Hi' },
      { tenant, options: { retry: { maximumAttempts: 1, initialIntervalSeconds: 0.1 } } },
    ),
  );
  const ids = (await Promise.all(submitted)).map(({ job }) => job.id);
  await eventually(async () => {
    expect(await system.jobs.count(tenant, {})).toMatchObject({ dead_lettered: count });
  });
  return ids;
}

function request(tenant: string, action: BulkActionKind, changes: Partial<BulkRequest> = {}): BulkRequest {
  const filter = { statuses: actionable[action], labelHashes: [] };
  return {
    id: newJobId('bulk', tenant),
    tenant,
    action,
    filter,
    asked: {},
    dryRun: false,
    ratePerSecond: 100,
    fingerprint: '',
    ...changes,
  };
}

async function start(...[tenant, action, changes]: Parameters<typeof request>): Promise<string> {
  return (await system.jobs.bulkActions.start(request(tenant, action, changes))).bulkAction.id;
}

async function until(tenant: string, id: string, expected: Partial<BulkAction>): Promise<BulkAction> {
  return eventually(async () => {
    const bulkAction = await system.jobs.bulkActions.get(tenant, id);
    expect(bulkAction).toMatchObject(expected);
    return bulkAction as BulkAction;
  });
}

const untilBegun = (tenant: string, id: string) =>
  eventually(async () => {
    expect((await system.jobs.bulkActions.get(tenant, id))?.counts.done).toBeGreaterThan(0);
  });

const nothingFailed = { skipped: 0, failed: 0 };

describe('a bulk retry', () => {
  test('counts in a dry run, then redrives all; pausing stops it, new work goes on, and finished steps do not run again', async () => {
    const [tenant, other] = [newTenant(), newTenant()];
    const [ids, foreign] = await Promise.all([park(tenant, 60), park(other, 3)]);
    const dry = await until(tenant, await start(tenant, 'retry', { dryRun: true }), { status: 'completed' });
    expect(dry).toMatchObject({ dryRun: true, counts: { matched: 60, done: 0, ...nothingFailed }, finishedAt: expect.any(Date) });
    expect(new Set(dry.sample)).toHaveProperty('size', 20);
    expect(ids).toEqual(expect.arrayContaining(dry.sample ?? []));
    expect((await jobsOf(tenant, ids)).map(({ deadLetter }) => deadLetter?.redrives)).toEqual(Array(60).fill(0));

    refused.delete(tenant);
    const id = await start(tenant, 'retry', { ratePerSecond: 10 });
    await untilBegun(tenant, id);
    await system.jobs.bulkActions.pause(tenant, id);
    const paused = await until(tenant, id, { status: 'paused', finishedAt: null });
    const redriven = paused.counts.done;
    expect(paused.counts).toMatchObject({ matched: 60, ...nothingFailed });
    expect(redriven).toBeLessThan(60);
    expect(parkedAmong(await jobsOf(tenant, ids))).toBe(60 - redriven);

    const { job: fresh } = await system.submit('email', { to: [`fresh@${tenant}.test`], subject: 'Hello', text: 'Hi' }, { tenant });
    await eventually(async () => {
      expect(await jobOf(tenant, fresh.id)).toMatchObject({ status: 'completed' });
    });
    expect(await system.jobs.bulkActions.get(tenant, id)).toEqual(paused);
    expect(parkedAmong(await jobsOf(tenant, ids))).toBe(60 - redriven);

    await system.jobs.bulkActions.resume(tenant, id);
    const finished = await until(tenant, id, { status: 'completed' });
    expect(finished).toMatchObject({ counts: { matched: 60, done: 60, ...nothingFailed }, failures: [], createdAt: paused.createdAt });
    await eventually(async () => {
      expect((await jobsOf(tenant, ids)).map(({ status }) => status)).toEqual(Array(60).fill('completed'));
    });
    const sent = ids.flatMap((_id, index) => recipients(tenant, index)).map(mailTo);
    expect(sent).toEqual(Array(120).fill(1));
    expect((await jobsOf(other, foreign)).map(({ deadLetter }) => deadLetter?.redrives)).toEqual([0, 0, 0]);
  });

  test('touches each job once, though it is parked again, also when it goes on in a new run', async () => {
    const tenant = newTenant();
    const ids = await park(tenant, 12);
    const id = await start(tenant, 'retry', { ratePerSecond: 2, chunksPerRun: 1 });
    const finished = await until(tenant, id, { status: 'completed' });
    expect(finished.counts).toEqual({ matched: 12, done: 12, ...nothingFailed });
    const { raw, runId } = await system.link.client().workflow.getHandle(id).describe();
    expect(raw.workflowExecutionInfo?.firstRunId).not.toBe(runId);
    await eventually(async () => {
      expect((await jobsOf(tenant, ids)).map(({ deadLetter }) => deadLetter?.redrives)).toEqual(Array(12).fill(1));
    });
    // Were one of them listed again, it would be known by the time of its new parking.
    const again = { tenant, action: 'retry', statuses: ['dead_lettered'], jobId: ids[0] ?? '' } as const;
    expect(await bulkJobs().act({ ...again, asOf: finished.createdAt.toISOString() })).toBe('skipped');
    expect(await bulkJobs().act({ ...again, asOf: new Date().toISOString() })).toBe('done');
  });

  test('that is aborted stops within its chunk, and leaves the others as they are', async () => {
    const tenant = newTenant();
    const ids = await park(tenant, 8);
    refused.delete(tenant);
    const id = await start(tenant, 'retry', { ratePerSecond: 0.5 });
    await untilBegun(tenant, id);
    await system.jobs.bulkActions.abort(tenant, id);
    const { counts, finishedAt } = await until(tenant, id, { status: 'aborted' });
    expect(finishedAt).toBeInstanceOf(Date);
    expect(counts.done).toBeGreaterThan(0);
    expect(counts.done).toBeLessThan(8);
    const jobs = await eventually(async () => {
      const now = await jobsOf(tenant, ids);
      expect(now.filter(({ status }) => status === 'completed')).toHaveLength(counts.done);
      return now;
    });
    expect(parkedAmong(jobs)).toBe(8 - counts.done);
    for (const steer of ['pause', 'resume', 'abort'] as const)
      await expect(system.jobs.bulkActions[steer](tenant, id)).rejects.toMatchObject({ code: 'bulk_action_finished' });
  });

  test('goes on in another worker when its own stops in the middle of a chunk', async () => {
    const tenant = newTenant();
    const ids = await park(tenant, 10);
    refused.delete(tenant);
    const id = await start(tenant, 'retry', { ratePerSecond: 1 });
    await untilBegun(tenant, id);
    await workers.close();
    workers = await system.startWorker({ only: ['email', 'operations'] });
    expect((await until(tenant, id, { status: 'completed' })).counts).toEqual({ matched: 10, done: 10, ...nothingFailed });
    await eventually(async () => {
      expect((await jobsOf(tenant, ids)).map(({ status }) => status)).toEqual(Array(10).fill('completed'));
    });
    expect(ids.map((_id, index) => mailTo(`later${String(index)}@${tenant}.test`))).toEqual(Array(10).fill(1));
  });
});

test('a bulk discard closes dead letters with its reason, and nothing else', async () => {
  const tenant = newTenant();
  const ids = await park(tenant, 3);
  const { job: scheduled } = await system.submit(
    'email',
    { to: [`now@${tenant}.test`], subject: 'Hello', text: 'Hi' },
    { tenant, options: { delaySeconds: 3_600 } },
  );
  const { counts } = await until(tenant, await start(tenant, 'discard', { reason: 'stale' }), { status: 'completed' });
  expect(counts).toEqual({ matched: 3, done: 3, ...nothingFailed });
  await eventually(async () => {
    for (const job of await jobsOf(tenant, ids))
      expect(job).toMatchObject({ status: 'failed', error: { code: 'discarded', message: expect.stringContaining('stale') } });
  });
  expect(await jobOf(tenant, scheduled.id)).toMatchObject({ status: 'scheduled' });
});

test('a bulk cancel with a status ends those jobs only; one that has left the status meanwhile is skipped', async () => {
  const tenant = newTenant();
  const [parked] = await park(tenant, 1);
  const scheduled = await Promise.all(
    [1, 2, 3, 4].map(async (index) => {
      const options = { delaySeconds: 3_600 };
      const { job } = await system.submit('email', { to: [`now@${tenant}.test`], subject: String(index), text: 'Hi' }, { tenant, options });
      return job.id;
    }),
  );
  await eventually(async () => {
    expect(await system.jobs.count(tenant, {})).toMatchObject({ dead_lettered: 1, scheduled: 4 });
  });
  const filter = { statuses: ['scheduled'] as const, labelHashes: [] };
  const id = await start(tenant, 'cancel', { filter, ratePerSecond: 0.5 });
  await untilBegun(tenant, id);
  // The oldest comes last: lists begin with the latest start.
  const left = (await jobsOf(tenant, scheduled)).filter(({ status }) => status === 'scheduled');
  const last = left.sort((one, two) => one.createdAt.getTime() - two.createdAt.getTime())[0]?.id ?? '';
  await system.jobs.cancel(tenant, last);
  expect((await until(tenant, id, { status: 'completed' })).counts).toEqual({ matched: 4, done: 3, skipped: 1, failed: 0 });
  await eventually(async () => {
    expect((await jobsOf(tenant, scheduled)).map(({ status }) => status)).toEqual(Array(4).fill('cancelled'));
  });
  expect(await jobOf(tenant, parked ?? '')).toMatchObject({ status: 'dead_lettered' });
});

test('a start that is repeated is one bulk action; with another body it is refused', async () => {
  const tenant = newTenant();
  const asked = request(tenant, 'retry', { fingerprint: 'one', dryRun: true });
  const answers = await Promise.all(Array.from({ length: 5 }, () => system.jobs.bulkActions.start(asked)));
  expect(answers.filter(({ started }) => started)).toHaveLength(1);
  expect(new Set(answers.map(({ bulkAction }) => bulkAction.createdAt.getTime()))).toHaveProperty('size', 1);
  const other = system.jobs.bulkActions.start({ ...asked, fingerprint: 'other' });
  await expect(other).rejects.toMatchObject({ code: 'idempotency_key_reused' });
});

test("another tenant's bulk action is as unknown as one that is not there, and no job either", async () => {
  const tenant = newTenant();
  const id = await start(tenant, 'retry', { dryRun: true });
  const { bulkActions } = system.jobs;
  for (const [who, what] of [[newTenant(), id] as const, [tenant, newJobId('bulk', tenant)] as const])
    expect(await Promise.all([bulkActions.get(who, what), bulkActions.pause(who, what), bulkActions.abort(who, what)])).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  expect(await system.jobs.get(tenant, id)).toBeUndefined();
  await until(tenant, id, { status: 'completed' });
  expect((await system.jobs.list(tenant, {}, { limit: 200 })).items).toEqual([]);
});

test('pages hold every job once', async () => {
  const tenant = newTenant();
  const ids = await park(tenant, 7);
  const filter = { statuses: ['dead_lettered'] as const, labelHashes: [] };
  const found: string[] = [];
  for (let pageToken: string | null = ''; pageToken !== null;) {
    const page: BulkPage = await bulkJobs().page({ tenant, filter, pageToken, pageSize: 3 });
    expect(page.jobIds.length).toBeLessThanOrEqual(3);
    found.push(...page.jobIds);
    pageToken = page.pageToken;
  }
  expect(found.sort()).toEqual(ids.sort());
});
