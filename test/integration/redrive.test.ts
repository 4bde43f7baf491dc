import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { decodeArrayFromPayloads } from '@temporalio/common/lib/internal-non-workflow/index.js';
import { bundleWorkflowCode, DefaultLogger, Worker, type WorkflowBundleWithSourceMap } from '@temporalio/worker';

import { AppError } from '../../src/errors.ts';
import type { Job } from '../../src/jobs/job.ts';
import { failureConverterPath } from '../../src/temporal/protection.ts';
import { eventually } from '../support/eventually.ts';
import { reply } from '../support/mail-server.ts';
import { emailTo, held, startFailingSystem, twoAttempts } from '../support/parking.ts';
import { picture } from '../support/pictures.ts';

let system: Awaited<ReturnType<typeof startFailingSystem>>;
let worker: Awaited<ReturnType<typeof system.startWorker>>;
let workflowBundle: WorkflowBundleWithSourceMap;

beforeAll(async () => {
  system = await startFailingSystem('test-redrive');
  worker = await system.startWorker();
  const workflowsPath = fileURLToPath(new URL('../../workflows/index.ts', import.meta.url));
  workflowBundle = await bundleWorkflowCode({ workflowsPath, failureConverterPath, logger: new DefaultLogger('ERROR') });
});
afterAll(() => system.close());
beforeEach(() => {
  system.refusals.clear();
  system.broken.clear();
});

const later = reply(451, '4.7.1 Come back later');
const full = new AppError('storage_unavailable', 'The disk is full.', { retryable: true });

async function retried(id: string): Promise<Job> {
  await system.jobs.retry('acme', id);
  return system.untilStatus(id, 'completed');
}

async function replays(id: string): Promise<void> {
  const history = await system.handle(id).fetchHistory();
  const plugins = [system.stores.protection.plugin];
  await expect(Worker.runReplayHistory({ workflowBundle, plugins, replayName: id }, history, id)).resolves.toBeUndefined();
}

describe('retry of a dead letter goes on from the step that failed', () => {
  test('nine of ten recipients have their mail; only the tenth is tried again, and nobody gets two', async () => {
    const to = Array.from({ length: 10 }, (_none, index) => `reader${String(index)}@example.com`);
    const last = to[9] ?? '';
    system.refusals.set(last, later);
    const { job } = await system.submit('email', emailTo(...to), { options: twoAttempts });
    const parked = await system.untilStatus(job.id, 'dead_lettered');
    const sent = to.slice(0, 9).map((recipient) => ({ recipient, status: 'sent' }));
    expect(parked.result).toMatchObject({ messages: [...sent, { recipient: last, status: 'not_sent' }] });
    system.refusals.clear();
    const done = await retried(job.id);
    expect(done).toMatchObject({ error: null, deadLetter: null, result: { messages: [...sent, { recipient: last, status: 'sent' }] } });
    expect(to.map((address) => system.mailTo(address).length)).toEqual(to.map(() => 1));
    expect(await system.stepsOf(job.id)).toHaveLength(11);
    await replays(job.id);
  });

  test('the first output of a report is not written again', async () => {
    system.broken.set('Sales.xlsx', full);
    const outputs = [{ format: 'csv' }, { format: 'xlsx' }];
    const request = { title: 'Sales', source: { rows: [{ city: 'Oslo', sum: 12.5 }] }, outputs };
    const { job } = await system.submit('report', request, { options: twoAttempts });
    const parked = await system.untilStatus(job.id, 'dead_lettered');
    expect(parked.deadLetter).toMatchObject({ step: 'renderReport', reasonClass: 'transient', error: { code: 'storage_unavailable' } });
    const [csv] = (parked.result as { files: { id: string }[] }).files;
    const record = await system.stores.files.find('acme', csv?.id ?? '');
    expect(record).toMatchObject({ name: 'Sales.csv' });

    system.broken.clear();
    const done = await retried(job.id);
    expect(done.result).toMatchObject({ rows: 1, files: [csv, { name: 'Sales.xlsx' }] });
    expect(await system.stores.files.find('acme', csv?.id ?? '')).toEqual(record);
    expect(await system.stepsOf(job.id)).toEqual(['renderReport', 'renderReport', 'renderReport']);
    expect(await formatsOf(job.id)).toEqual(['csv', 'xlsx', 'xlsx']);
    await replays(job.id);
  });

  test('an upload is not inspected again, and its stored original stays as it was', async () => {
    system.broken.set('photo-thumb.webp', full);
    const bytes = await picture(64, 48).png().toBuffer();
    const request = { variants: [{ name: 'thumb', width: 16, format: 'webp' }] };
    const file = { bytes, name: 'photo.png', type: 'image/png' };
    const { job } = await system.submit('upload', request, { file, options: twoAttempts });
    const parked = await system.untilStatus(job.id, 'dead_lettered');
    expect(parked).toMatchObject({
      deadLetter: { step: 'renderVariants', error: { code: 'storage_unavailable' } },
      result: { image: { width: 64, height: 48 }, variants: [] },
    });
    const { file: original } = parked.result as { file: { id: string } };
    const record = await system.stores.files.find('acme', original.id);

    system.broken.clear();
    const done = await retried(job.id);
    expect(done.result).toMatchObject({ file: original, variants: [{ name: 'thumb', width: 16 }] });
    expect(await system.stores.files.find('acme', original.id)).toEqual(record);
    expect(await system.stepsOf(job.id)).toEqual(['inspectImage', 'renderVariants', 'renderVariants']);
    await replays(job.id);
  });

  test('also when the worker was restarted meanwhile', async () => {
    system.refusals.set('tomorrow@example.com', later);
    const { job } = await system.submit('email', emailTo('today@example.com', 'tomorrow@example.com'), { options: twoAttempts });
    await system.untilStatus(job.id, 'dead_lettered');
    await worker.close();
    system.refusals.clear();
    // Parked jobs need no worker to be looked at, and keep what they are told.
    await system.jobs.addNote('acme', job.id, { text: 'mended', at: new Date().toISOString() });
    await system.jobs.retry('acme', job.id);
    const { job: queued } = await system.submit('email', emailTo('queued@example.com'));
    await expect(system.jobs.retry('acme', queued.id)).rejects.toMatchObject({ code: 'job_not_retryable' });

    worker = await system.startWorker();
    const done = await system.untilStatus(job.id, 'completed');
    expect(done.notes).toMatchObject([{ text: 'mended' }]);
    expect(['today', 'tomorrow'].map((name) => system.mailTo(`${name}@example.com`).length)).toEqual([1, 1]);
    await replays(job.id);
  });

  test('however late: a job that has begun does not expire any more', async () => {
    const { id, expiresAt } = await system.park('late@example.com', later, { ...twoAttempts, ttlSeconds: 3 });
    await eventually(() => {
      expect(Date.now()).toBeGreaterThan(expiresAt?.getTime() ?? Infinity);
    });
    system.refusals.clear();
    await retried(id);
    expect(system.mailTo('late@example.com')).toHaveLength(1);
    await replays(id);
  });

  test('and tells what came of it when it then fails for good', async () => {
    const { id } = await system.park('moved@example.com', later);
    system.refusals.set('moved@example.com', reply(550, '5.1.6 Moved away'));
    await system.jobs.retry('acme', id);
    const messages = [{ recipient: 'moved@example.com', status: 'failed', code: 'recipient_rejected' }];
    const failed = await system.untilStatus(id, 'failed');
    expect(failed).toMatchObject({ error: { code: 'recipient_rejected', details: { messages } }, result: { messages } });
    await replays(id);
  });
});

describe('a retrying job', () => {
  const hourly = { retry: { maximumAttempts: 4, initialIntervalSeconds: 3_600 } };

  test('shows its last error, its attempts and the time of the next one', async () => {
    system.refusals.set('hourly@example.com', later);
    const { job } = await system.submit('email', emailTo('hourly@example.com'), { options: hourly });
    const retrying = await system.untilStatus(job.id, 'retrying');
    expect(retrying).toMatchObject({ attempt: 2, maximumAttempts: 4, deadLetter: null });
    expect(retrying.error).toMatchObject({ code: 'mail_refused_for_now', message: expect.stringContaining('Come back later') });
    // Temporal takes the interval as it is, or a little less: jitter.
    const wait = (retrying.nextAttemptAt?.getTime() ?? 0) - retrying.createdAt.getTime();
    expect(wait).toBeGreaterThan(0.75 * 3_600_000);
    expect(wait).toBeLessThan(1.25 * 3_600_000);
    await system.jobs.cancel('acme', job.id);
    await system.untilStatus(job.id, 'cancelled');
  });

  test('tries now when it is told to, and goes on counting its attempts', async () => {
    system.refusals.set('now@example.com', later);
    const { job } = await system.submit('email', emailTo('now@example.com'), { options: hourly });
    await system.untilStatus(job.id, 'retrying');
    await system.jobs.retry('acme', job.id);
    await eventually(async () => {
      expect(await system.look(job.id)).toMatchObject({ status: 'retrying', attempt: 3, maximumAttempts: 4 });
    });
    system.refusals.clear();
    expect(await retried(job.id)).toMatchObject({ attempt: 3 });
    expect(await system.stepsOf(job.id)).toHaveLength(1);
    await replays(job.id);
  });

  test('that has begun does not expire when no worker takes its next attempt within ttlSeconds', async () => {
    system.refusals.set('away@example.com', later);
    const options = { ttlSeconds: 2, retry: { maximumAttempts: 3, initialIntervalSeconds: 2 } };
    const { job } = await system.submit('email', emailTo('away@example.com'), { options });
    await system.untilStatus(job.id, 'retrying');
    await worker.close();
    await untilTimedOut(job.id);
    system.refusals.clear();
    worker = await system.startWorker();
    await system.untilStatus(job.id, 'completed');
    expect(system.mailTo('away@example.com')).toHaveLength(1);
    await replays(job.id);
  });

  test('is the only one, beside a dead letter, that can be retried', async () => {
    const { promise, release } = held<undefined>();
    system.refusals.set('busy@example.com', promise);
    const { job } = await system.submit('email', emailTo('busy@example.com'));
    await system.untilStatus(job.id, 'running');
    await expect(system.jobs.retry('acme', job.id)).rejects.toMatchObject({ code: 'job_not_retryable' });
    release(undefined);
    await system.untilStatus(job.id, 'completed');
    await expect(system.jobs.retry('acme', job.id)).rejects.toMatchObject({ code: 'job_not_retryable' });
    expect(await system.jobs.retry('other', job.id)).toBeUndefined();
  });
});

test('a recipient that no worker began within ttlSeconds gets its mail all the same, once another one was begun', async () => {
  await worker.close();
  worker = await system.startWorker({ concurrency: { email: 1 } });
  const { promise, release } = held<undefined>();
  const to = ['one@example.com', 'two@example.com'];
  for (const address of to) system.refusals.set(address, promise);
  const { job } = await system.submit('email', emailTo(...to), { options: { ttlSeconds: 3 } });
  await untilTimedOut(job.id);
  release(undefined);
  const done = await system.untilStatus(job.id, 'completed');
  expect(done.result).toMatchObject({ messages: to.map((recipient) => ({ recipient, status: 'sent' })) });
  expect(to.map((address) => system.mailTo(address).length)).toEqual([1, 1]);
  await replays(job.id);
});

/** An attempt waited too long for a worker. */
async function untilTimedOut(id: string): Promise<void> {
  await eventually(async () => {
    const { events } = await system.handle(id).fetchHistory();
    expect(events?.some((event) => event.activityTaskTimedOutEventAttributes != null)).toBe(true);
  });
}

/** Of the outputs that were scheduled, in order. */
async function formatsOf(id: string): Promise<(string | undefined)[]> {
  const { events } = await system.handle(id).fetchHistory();
  const inputs = (events ?? []).flatMap((event) => event.activityTaskScheduledEventAttributes?.input?.payloads?.[0] ?? []);
  const context = { type: 'workflow', namespace: 'default', workflowId: id } as const;
  const decoded = await decodeArrayFromPayloads(system.link.client().options.loadedDataConverter, inputs, context);
  return decoded.map((input) => (input as { output?: { format: string } }).output?.format);
}
