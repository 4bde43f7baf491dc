import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';

import { descriptionOf, skipTime, untilStatus } from '../support/observe.ts';
import { patchOver } from '../support/patch.ts';
import { startSlowMailServer } from '../support/slow-mail-server.ts';
import { startSystem, type TestApiProcess, type TestSystem } from '../support/system.ts';

let system: TestSystem;
let api: TestApiProcess;
let key: string;
let mail: Awaited<ReturnType<typeof startSlowMailServer>>;

beforeAll(async () => {
  mail = await startSlowMailServer();
  system = await startSystem({ taskQueue: 'test-later', smtpUrl: mail.url });
  api = await system.startApi();
  key = await api.keyOf('acme');
});
afterAll(async () => {
  mail.free();
  await system.close();
  await mail.close();
});
beforeEach(() => {
  mail.free();
});

const emailTo = (...to: string[]) => ({ to, subject: 'Hello', text: 'Hi' });
const inAnHour = { delaySeconds: 3_600 };
const day = 86_400;
const patch = (id: string, body: object) => patchOver(api.url, key, id, body);

async function lengthInSeconds(id: string): Promise<number> {
  const { startTime, closeTime } = await descriptionOf(system, id);
  return ((closeTime?.getTime() ?? NaN) - startTime.getTime()) / 1000;
}

describe('a job for later', () => {
  test('is scheduled until its time, and begins then and not before', async () => {
    const startAt = new Date(Date.now() + 4_000);
    const { job: byTime } = await system.submit('email', emailTo('at@example.com'), { options: { startAt: startAt.toISOString() } });
    const { job: byDelay } = await system.submit('email', emailTo('in@example.com'), { options: { delaySeconds: 4 } });
    expect(byTime).toMatchObject({ status: 'scheduled', startAt, startedAt: null });
    for (const { id, startAt: expected } of [byTime, byDelay])
      expect(await system.jobs.get('acme', id)).toMatchObject({ status: 'scheduled', startAt: expected, startedAt: null, attempt: null });
    for (const [{ id, startAt: expected }, address] of [[byTime, 'at@example.com'] as const, [byDelay, 'in@example.com'] as const]) {
      const { startedAt } = await untilStatus(system, id, 'completed');
      expect(startedAt?.getTime()).toBeGreaterThanOrEqual(expected?.getTime() ?? Infinity);
      expect(mail.askedFor(address)[0]).toBeGreaterThanOrEqual(expected?.getTime() ?? Infinity);
      expect(mail.mailTo(address)).toHaveLength(1);
    }
  });

  test('may wait a hundred years, also when a worker has changed it', async () => {
    const horizon = 100 * 365 * day;
    const { job } = await system.submit('email', emailTo('heirs@example.com'), { options: { delaySeconds: horizon, ttlSeconds: horizon } });
    const startAt = new Date(Date.now() + horizon * 1000 - 60_000).toISOString();
    expect(await patch(job.id, { options: { startAt } })).toMatchObject({ status: 200, body: { status: 'scheduled', startAt } });
    expect(await patch(job.id, { options: { delaySeconds: horizon } })).toMatchObject({ status: 200, body: { status: 'scheduled' } });
    await system.jobs.cancel('acme', job.id);
    await untilStatus(system, job.id, 'cancelled');
  });

  test('that is put off and off again begins at the last time that was named', async () => {
    const { job } = await system.submit('email', emailTo('skipped@example.com'), { options: { delaySeconds: 10 * day } });
    await patch(job.id, { options: { delaySeconds: 40 * day } });
    await patch(job.id, { options: { delaySeconds: 20 * day } });
    await skipTime(system, job.id);
    await untilStatus(system, job.id, 'completed');
    expect(await lengthInSeconds(job.id)).toBeGreaterThanOrEqual(20 * day - 60);
    expect(await lengthInSeconds(job.id)).toBeLessThan(21 * day);
    expect(mail.mailTo('skipped@example.com')).toHaveLength(1);
  });
});

describe('without a worker', () => {
  test('PATCH is answered with 503, and the job is not lost: it begins at its time once a worker comes', async () => {
    const idle = await startSystem({ taskQueue: 'test-later-idle', smtpUrl: mail.url, only: [] });
    try {
      const other = await idle.startApi();
      const caller = { url: other.url, key: await other.keyOf('acme') };
      const { job: soon } = await idle.submit('email', emailTo('soon@example.com'), { options: { delaySeconds: 12 } });
      const { job: hour } = await idle.submit('email', emailTo('hour@example.com'), { options: inAnHour });
      const answers = await Promise.all([
        patchOver(caller.url, caller.key, soon.id, { options: { labels: { late: 'yes' } } }),
        patchOver(caller.url, caller.key, hour.id, { options: { labels: { late: 'yes' } } }),
      ]);
      for (const { status, retryAfter, body } of answers) {
        expect(status).toBe(503);
        expect(retryAfter).toMatch(/^[1-9]\d*$/);
        expect(body).toMatchObject({ code: 'worker_unavailable', retryable: true });
      }
      // Others are still answered: a worker that is away is no outage.
      for (const { id } of [soon, hour]) expect(await idle.jobs.get('acme', id)).toMatchObject({ status: 'scheduled', stuck: null });

      await idle.startWorker();
      const repeated = await patchOver(caller.url, caller.key, hour.id, { options: { priority: 2 } });
      expect(repeated).toMatchObject({ status: 200, body: { status: 'scheduled', priority: 2, startAt: hour.startAt?.toISOString() } });
      await untilStatus(idle, soon.id, 'completed');
      expect(mail.askedFor('soon@example.com')[0]).toBeGreaterThanOrEqual(soon.startAt?.getTime() ?? Infinity);
      expect(mail.mailTo('soon@example.com')).toHaveLength(1);
      expect(mail.mailTo('hour@example.com')).toEqual([]);
    } finally {
      await idle.close();
    }
  });

  test('a job that was changed and whose time has come is queued, not begun, and then expired', async () => {
    const taskQueue = 'test-later-left';
    const idle = await startSystem({ taskQueue, smtpUrl: mail.url, only: [] });
    try {
      const worker = await idle.startWorker();
      const { job } = await idle.submit('email', emailTo('left@example.com'), { options: inAnHour });
      await idle.jobs.edit('acme', job.id, () => {
        const startAt = new Date(Date.now() + 12_000).toISOString();
        return Promise.resolve({ startAt, ttlSeconds: 4, memo: { startAt, ttlSeconds: 4 } });
      });
      await worker.close();
      expect(await idle.jobs.get('acme', job.id)).toMatchObject({ status: 'scheduled', startedAt: null });
      expect(await untilStatus(idle, job.id, 'queued')).toMatchObject({ startedAt: null });
      expect(await untilStatus(idle, job.id, 'expired')).toMatchObject({ startedAt: null });
      expect((await descriptionOf(idle, job.id)).status.name).toBe('RUNNING');
      expect(mail.mailTo('left@example.com')).toEqual([]);
    } finally {
      await idle.close();
    }
  });
});
