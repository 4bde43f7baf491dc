import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import { createHandoffClient, type HandoffClient, type Job } from '../../client/index.ts';
import { eventually } from '../support/eventually.ts';
import { reply, startMailServer } from '../support/mail-server.ts';
import { Product } from '../support/product.ts';

const minutes = 60_000;

describe('a job of the started product, by the generated client', () => {
  let mailServer: Awaited<ReturnType<typeof startMailServer>>;
  let product: Product;
  let handoff: HandoffClient;
  /** Addresses that are refused for now. */
  const refused = new Set<string>();

  beforeAll(async () => {
    mailServer = await startMailServer({
      onRcptTo: ({ address }, _session, callback) => {
        callback(refused.has(address) ? reply(451, '4.7.1 try again later') : null);
      },
    });
    product = await Product.create({ SMTP_URL: `smtp://127.0.0.1:${String(mailServer.port)}` });
    await product.start();
    handoff = createHandoffClient({ baseUrl: product.url, apiKey: product.key });
  }, 5 * minutes);
  afterAll(async () => {
    await product.destroy();
    await mailServer.close();
  }, 2 * minutes);

  const mailTo = (address: string) => mailServer.received.filter(({ recipients }) => recipients.includes(address));

  async function submitted(to: string[], options: NonNullable<Parameters<typeof send>[1]> = {}): Promise<string> {
    const { data, error } = await send(to, options);
    expect(error).toBeUndefined();
    return data?.id ?? '';
  }

  const send = (to: string[], options: { startAt?: string; delaySeconds?: number; labels?: Record<string, string>; retry?: object }) =>
    handoff.POST('/v1/emails', { body: { to, subject: 'Hello', text: 'Hi', options } });

  const one = (id: string) => ({ params: { path: { id } } });

  async function untilStatus(id: string, status: Job['status']): Promise<Job> {
    return eventually(
      async () => {
        const { data } = await handoff.GET('/v1/jobs/{id}', one(id));
        expect(data).toMatchObject({ status });
        return data as Job;
      },
      { within: 2 * minutes },
    );
  }

  test(
    'that is waited for answers with the finished job',
    async () => {
      const answer = await product.request(
        'POST',
        '/v1/emails',
        { to: ['wait@example.com'], subject: 'S', text: 'T' },
        { Prefer: 'wait=30' },
      );
      expect([answer.status, answer.headers.get('Preference-Applied'), answer.body.status]).toEqual([200, 'wait=30', 'completed']);
    },
    2 * minutes,
  );

  test(
    'whose retries are used up waits as a dead letter, says why, and goes on where it failed, also after the product was stopped in between',
    async () => {
      refused.add('tenth@example.com');
      const to = ['first@example.com', 'second@example.com', 'tenth@example.com'];
      const id = await submitted(to, { labels: { order: '42' }, retry: { maximumAttempts: 2, initialIntervalSeconds: 0.2 } });
      const parked = await untilStatus(id, 'dead_lettered');
      expect(parked.deadLetter).toMatchObject({ step: 'deliverEmail', attempts: 2, reasonClass: 'transient' });
      expect(parked.result).toMatchObject({
        messages: [{ status: 'sent' }, { status: 'sent' }, { recipient: 'tenth@example.com', status: 'not_sent' }],
      });
      const { data: why } = await handoff.GET('/v1/jobs/{id}/explain', one(id));
      expect(why).toMatchObject({ status: 'dead_lettered', because: [{ code: 'parked' }] });
      await eventually(async () => {
        const { data } = await handoff.GET('/v1/jobs', { params: { query: { status: ['dead_lettered'], label: ['order:42'] } } });
        expect(data?.items).toMatchObject([{ id, deadLetter: { step: 'deliverEmail' } }]);
      });

      await product.stop();
      await product.start();
      refused.clear();
      expect((await handoff.POST('/v1/jobs/{id}/retry', one(id))).response.status).toBe(202);
      const done = await handoff.waitForJob(id, { timeoutMs: 2 * minutes });
      expect(done).toMatchObject({ status: 'completed', deadLetter: null, labels: { order: '42' } });
      expect(to.map((address) => mailTo(address).length)).toEqual([1, 1, 1]);
      expect((await handoff.POST('/v1/jobs/{id}/retry', one(id))).error).toMatchObject({ code: 'job_not_retryable' });
    },
    8 * minutes,
  );

  test(
    'that is scheduled can be changed, tells its way as events, and is cancelled',
    async () => {
      const id = await submitted(['later@example.com'], { delaySeconds: 86_400 });
      expect(await untilStatus(id, 'scheduled')).toMatchObject({ startedAt: null });
      const startAt = '2099-01-01T00:00:00.000Z';
      const { data: changed } = await handoff.PATCH('/v1/jobs/{id}', { ...one(id), body: { options: { startAt, priority: 1 } } });
      expect(changed).toMatchObject({ status: 'scheduled', startAt, priority: 1 });

      const stream = await fetch(new URL(`/v1/jobs/${id}/events`, product.url), { headers: { Authorization: `Bearer ${product.key}` } });
      const told = stream.text();
      expect((await handoff.POST('/v1/jobs/{id}/cancel', one(id))).response.status).toBe(202);
      const events = [...(await told).matchAll(/^event: (\w+)/gm)].map(([, name]) => name);
      expect([events.at(0), events.at(-1)]).toEqual(['status', 'done']);
      expect(await untilStatus(id, 'cancelled')).toMatchObject({ result: null, error: null });
      expect(mailTo('later@example.com')).toEqual([]);
      expect((await handoff.POST('/v1/jobs/{id}/cancel', one(id))).error).toMatchObject({ code: 'job_not_cancellable' });
    },
    4 * minutes,
  );

  test(
    'many dead letters are retried by one bulk action',
    async () => {
      const to = Array.from({ length: 5 }, (_unused, index) => `bulk${String(index)}@example.com`);
      for (const address of to) refused.add(address);
      const retry = { maximumAttempts: 1 };
      const ids = await Promise.all(to.map((address) => submitted([address], { labels: { campaign: 'autumn' }, retry })));
      for (const id of ids) await untilStatus(id, 'dead_lettered');
      await eventually(async () => {
        const { data } = await handoff.GET('/v1/jobs/counts', { params: { query: { label: ['campaign:autumn'] } } });
        expect(data?.counts).toMatchObject({ dead_lettered: 5 });
      });
      refused.clear();
      const body = { action: 'retry', filter: { label: { campaign: 'autumn' } }, ratePerSecond: 50 } as const;
      const { data: action } = await handoff.POST('/v1/bulk-actions', { body });
      await eventually(
        async () => {
          const { data } = await handoff.GET('/v1/bulk-actions/{id}', one(action?.id ?? ''));
          expect(data).toMatchObject({ status: 'completed', counts: { matched: 5, done: 5, skipped: 0, failed: 0 } });
        },
        { within: 2 * minutes },
      );
      for (const id of ids) await untilStatus(id, 'completed');
      expect(to.map((address) => mailTo(address).length)).toEqual([1, 1, 1, 1, 1]);
    },
    6 * minutes,
  );
});
