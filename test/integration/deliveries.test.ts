import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';

import type { Job, JobStatus } from '../../src/jobs/job.ts';
import { eventually } from '../support/eventually.ts';
import { skipTime } from '../support/observe.ts';
import { startScriptedSmtp } from '../support/scripted-smtp.ts';
import { startSystem, type SubmitOptions, type TestSystem } from '../support/system.ts';

let system: TestSystem;
let server: Awaited<ReturnType<typeof startScriptedSmtp>>;

beforeAll(async () => {
  server = await startScriptedSmtp();
  system = await startSystem({ taskQueue: 'deliveries', smtpUrl: `smtp://127.0.0.1:${String(server.port)}` });
});
afterAll(async () => {
  await system.close();
  await server.close();
});
beforeEach(() => {
  server.play({});
  server.whole.length = 0;
});

const untilStatus = (id: string, status: JobStatus): Promise<Job> =>
  eventually(
    async () => {
      const job = await system.jobs.get('acme', id);
      expect(job).toMatchObject({ status });
      return job as Job;
    },
    { within: 90_000, every: 100 },
  );

async function submitted(to: string[], more: object = {}, options: SubmitOptions['options'] = {}): Promise<string> {
  return (await system.submit('email', { to, subject: 'Hello', text: 'Hi', ...more }, { options })).job.id;
}

describe('an e-mail of which nobody knows whether it was taken', () => {
  test('at most once: is not sent again, and the job fails and says so', async () => {
    server.play({ resets: 'after the message' });
    const id = await submitted(['doubt@example.com'], { duplicatePolicy: 'at_most_once' });
    const failed = await untilStatus(id, 'failed');
    expect(failed).toMatchObject({
      attempt: 1,
      deadLetter: null,
      error: {
        code: 'delivery_in_doubt',
        details: { messages: [{ recipient: 'doubt@example.com', status: 'in_doubt', code: 'delivery_in_doubt' }] },
      },
    });
    expect(server.whole).toEqual(['doubt@example.com']);
    expect(await system.stores.deliveries.counts(id)).toMatchObject({ in_doubt: 1, sent: 0 });
  });

  test('at least once: is sent again, and the job completes', async () => {
    server.play({ resets: 'after the message' });
    const id = await submitted(['again@example.com']);
    await eventually(() => {
      expect(server.whole).not.toEqual([]);
    });
    server.play({});
    expect(await untilStatus(id, 'completed')).toMatchObject({ result: { messages: [{ status: 'sent', response: '250 taken' }] } });
    expect(server.whole.length).toBeGreaterThanOrEqual(2);
    expect(await system.stores.deliveries.page(id, { limit: 2 })).toMatchObject([{ state: 'sent', doubted: true }]);
  });
});

test('one of ten recipients that is refused leaves nine with one message each, and the job names all', async () => {
  server.play({ refusedRecipient: 'user4@example.com' });
  const to = Array.from({ length: 10 }, (_, n) => `user${String(n)}@example.com`);
  const id = await submitted(to);
  const failed = await untilStatus(id, 'failed');
  const messages = to.map((recipient, n) =>
    n === 4 ? { recipient, status: 'failed', code: 'recipient_rejected', response: '550 5.1.1 no' } : { recipient, status: 'sent' },
  );
  expect(failed.error).toMatchObject({ code: 'recipient_rejected', details: { messages } });
  expect([...server.whole].sort()).toEqual(to.filter((_, n) => n !== 4));
  expect(await system.stores.deliveries.counts(id)).toMatchObject({ sent: 9, failed: 1 });
});

test('wrong settings of ours use up none of the attempts that a job has', async () => {
  server.play({ replies: { MAIL: '530 5.7.0 log in first' } });
  const id = await submitted(['held@example.com'], {}, { retry: { maximumAttempts: 2, initialIntervalSeconds: 0.1 } });
  await skipTime(system, id);
  const before = server.transactions();
  await eventually(
    () => {
      expect(server.transactions() - before).toBeGreaterThan(4);
    },
    { within: 90_000 },
  );
  expect((await system.jobs.get('acme', id))?.status).not.toBe('dead_lettered');
  server.play({});
  expect(await untilStatus(id, 'completed')).toMatchObject({ result: { messages: [{ status: 'sent' }] } });
  expect(server.whole).toEqual(['held@example.com']);
});
