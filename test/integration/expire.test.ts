import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';

import { eventually } from '../support/eventually.ts';
import { reply } from '../support/mail-server.ts';
import { descriptionOf, skipTime, untilAfter, untilStatus } from '../support/observe.ts';
import { startSlowMailServer } from '../support/slow-mail-server.ts';
import { startSystem, type TestSystem } from '../support/system.ts';

let system: TestSystem;
let mail: Awaited<ReturnType<typeof startSlowMailServer>>;

beforeAll(async () => {
  mail = await startSlowMailServer();
  system = await startSystem({ taskQueue: 'test-expire', smtpUrl: mail.url, only: ['report'] });
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

/** A worker for e-mail as long as the test runs. */
async function withEmailWorker<T>(run: () => Promise<T>, concurrency = 50): Promise<T> {
  const worker = await system.startWorker({ only: ['email'], workflows: false, concurrency: { email: concurrency } });
  try {
    return await run();
  } finally {
    mail.heldRecipients.clear();
    await worker.close();
  }
}

describe('a job with ttlSeconds', () => {
  test('that no worker has begun in time is expired at once, and stays so when a worker comes: nothing is sent', async () => {
    const idle = await startSystem({ taskQueue: 'test-expire-idle', smtpUrl: mail.url, only: [] });
    try {
      const { job: now } = await idle.submit('email', emailTo('idle@example.com'), { options: { ttlSeconds: 2 } });
      const { job: later } = await idle.submit('email', emailTo('idle@example.com'), { options: { ttlSeconds: 2, delaySeconds: 3 } });
      expect(now.expiresAt).toEqual(new Date(now.createdAt.getTime() + 2_000));
      expect(later.expiresAt).toEqual(new Date((later.startAt?.getTime() ?? 0) + 2_000));
      await untilAfter(now.expiresAt);
      expect(await idle.jobs.get('acme', now.id)).toMatchObject({ status: 'expired', startedAt: null, result: null });
      await untilAfter(later.expiresAt);
      for (const { id } of [now, later]) {
        expect((await descriptionOf(idle, id)).status.name).toBe('RUNNING');
        expect(await idle.jobs.get('acme', id)).toMatchObject({ status: 'expired', startedAt: null, error: { code: 'expired' } });
        await expect(idle.jobs.cancel('acme', id)).rejects.toMatchObject({ code: 'job_not_cancellable' });
      }
      await idle.startWorker();
      for (const { id } of [now, later]) {
        await eventually(async () => {
          expect((await descriptionOf(idle, id)).status.name).toBe('FAILED');
        });
        const expired = await idle.jobs.get('acme', id);
        expect(expired).toMatchObject({ status: 'expired', error: { code: 'expired' }, finishedAt: expect.any(Date) });
      }
      expect(mail.askedFor('idle@example.com')).toEqual([]);
    } finally {
      await idle.close();
    }
  });

  test('whose step finds no worker in time expires, and says so', async () => {
    const { job: one } = await system.submit('email', emailTo('one@example.com'), { options: { ttlSeconds: 2 } });
    const { job: two } = await system.submit('email', emailTo('two@example.com', 'three@example.com'), { options: { ttlSeconds: 2 } });
    for (const { id } of [one, two])
      expect(await untilStatus(system, id, 'expired')).toMatchObject({ error: { code: 'expired' }, finishedAt: expect.any(Date) });
    await withEmailWorker(async () => {
      // Whatever comes later is not held up by what has expired.
      const { job: next } = await system.submit('email', emailTo('next@example.com'));
      await untilStatus(system, next.id, 'completed');
    });
    for (const name of ['one', 'two', 'three']) expect(mail.askedFor(`${name}@example.com`)).toEqual([]);
  });

  test('counts from its start time', async () => {
    const day = 86_400;
    await withEmailWorker(async () => {
      const options = { delaySeconds: 3 * day, ttlSeconds: day };
      const { job } = await system.submit('email', emailTo('from-start@example.com'), { options });
      expect(job.expiresAt).toEqual(new Date((job.startAt?.getTime() ?? 0) + day * 1000));
      await skipTime(system, job.id);
      await untilStatus(system, job.id, 'completed');
    });
    expect(mail.mailTo('from-start@example.com')).toHaveLength(1);
  });
});

describe('a job that has begun in time never expires', () => {
  const ttl = { ttlSeconds: 4, retry: { initialIntervalSeconds: 1, maximumIntervalSeconds: 1 } };
  const busy = reply(451, '4.7.1 Come back later');

  test('while its step is tried again', async () => {
    mail.refusals.set('again@example.com', busy);
    await withEmailWorker(async () => {
      const { job } = await system.submit('email', emailTo('again@example.com'), { options: ttl });
      await untilStatus(system, job.id, 'retrying');
      await untilAfter(job.expiresAt);
      mail.refusals.clear();
      await untilStatus(system, job.id, 'completed');
    });
    expect(mail.mailTo('again@example.com')).toHaveLength(1);
  });

  test('while the next attempt finds no worker', async () => {
    mail.refusals.set('alone@example.com', busy);
    const { job } = await system.submit('email', emailTo('alone@example.com'), { options: ttl });
    await withEmailWorker(async () => {
      await eventually(() => {
        expect(mail.askedFor('alone@example.com')).toHaveLength(1);
      });
    });
    mail.refusals.clear();
    // Longer than what was left when the next attempt was put into the queue.
    await untilAfter(new Date(Date.now() + 7_000));
    expect((await system.jobs.get('acme', job.id))?.status).toMatch(/^(retrying|queued|running)$/);
    await withEmailWorker(() => untilStatus(system, job.id, 'completed'));
    expect(mail.mailTo('alone@example.com')).toHaveLength(1);
  });

  test('when it is retried by hand', async () => {
    mail.refusals.set('by-hand@example.com', busy);
    await withEmailWorker(async () => {
      const { job } = await system.submit('email', emailTo('by-hand@example.com'), {
        options: { ttlSeconds: 4, retry: { maximumAttempts: 1 } },
      });
      await untilStatus(system, job.id, 'dead_lettered');
      await untilAfter(job.expiresAt);
      mail.refusals.clear();
      await system.jobs.retry('acme', job.id);
      await untilStatus(system, job.id, 'completed');
    });
    expect(mail.mailTo('by-hand@example.com')).toHaveLength(1);
  });

  test('with the recipients that are waiting behind the first ones, however long those take', async () => {
    const all = ['a@example.com', 'b@example.com', 'c@example.com', 'd@example.com'];
    for (const address of all) mail.heldRecipients.add(address);
    await withEmailWorker(async () => {
      const { job } = await system.submit('email', emailTo(...all), { options: { ttlSeconds: 4 } });
      await untilStatus(system, job.id, 'running');
      await untilAfter(job.expiresAt && new Date(job.expiresAt.getTime() + 2_000));
      expect(all.flatMap(mail.askedFor)).toHaveLength(1);
      mail.heldRecipients.clear();
      const { result } = await untilStatus(system, job.id, 'completed');
      expect((result as { messages: object[] }).messages).toMatchObject(all.map((recipient) => ({ recipient, status: 'sent' })));
    }, 1);
    expect(all.map((address) => mail.mailTo(address).length)).toEqual([1, 1, 1, 1]);
  });
});
