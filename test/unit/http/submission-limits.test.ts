import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';

import { AppError } from '../../../src/errors.ts';
import type { StartRequest } from '../../../src/jobs/client.ts';
import type { LimitValues } from '../../../src/jobs/limits.ts';
import { jobOf, testApi } from '../../support/api.ts';
import { rawRequest } from '../../support/raw-request.ts';
import { keys } from '../../support/keys.ts';

let waiting = 0;
const api = testApi({ limits: () => ({ maxBacklog: 10, backlog: () => Promise.resolve(waiting) }) });

const limited = (values: LimitValues) => {
  api.limits.values.ceiling = values;
};
const to = (count: number) => Array.from({ length: count }, (_, i) => `a${String(i)}@example.com`);
const send = (count: number, key?: string, more: object = {}) => {
  const request = api.agent().post('/v1/emails');
  if (key !== undefined) void request.set('Idempotency-Key', key);
  return request.send({ to: to(count), subject: 'Hello', text: 'Hi', ...more });
};
const upload = (size: number, key?: string) => {
  const request = api.agent().post('/v1/uploads');
  if (key !== undefined) void request.set('Idempotency-Key', key);
  return request.attach('file', Buffer.alloc(size, 'x'), 'x.txt');
};
const stored = () => [...api.store.records.values()].reduce((sum, { size }) => sum + size, 0);

/** Jobs that were started stay, as with Temporal. */
function remembering(): void {
  const known = new Map<string, StartRequest>();
  api.jobs = {
    start: (asked) => {
      const before = known.get(asked.jobId);
      known.set(asked.jobId, before ?? asked);
      return Promise.resolve({ started: before === undefined, job: jobOf(asked) });
    },
    earlier: ({ jobId }) => Promise.resolve(known.has(jobId) ? jobOf(known.get(jobId) as StartRequest) : undefined),
    get: (_tenant, id) => Promise.resolve(known.has(id) ? jobOf(known.get(id) as StartRequest) : undefined),
  };
}

describe('e-mails of a day', () => {
  test('count by recipient: one job with 50 is 50, not one', async () => {
    limited({ emailsPerDay: 60 });
    expect((await send(50)).status).toBe(202);
    const refused = await send(11);
    expect(refused.status).toBe(429);
    expect(refused.body).toMatchObject({ code: 'limit_exceeded', limit: 'emailsPerDay', retryable: true, errors: [{ pointer: '/to' }] });
    expect(Number(refused.get('Retry-After'))).toBeGreaterThan(0);
    expect((await send(10)).status).toBe(202);
    expect([api.started.length, api.limits.sent.count]).toEqual([2, 60]);
  });

  test('are not charged again for a repeated request, which is answered even when none are left', async () => {
    limited({ emailsPerDay: 3 });
    remembering();
    for (let i = 0; i < 3; i++) expect((await send(3, 'order-1')).status).toBe(202);
    expect(api.limits.sent.count).toBe(3);
    const again = await send(3, 'order-1');
    expect([again.status, again.get('Idempotency-Replayed')]).toEqual([202, 'true']);
    expect((await send(1, 'order-2')).body).toMatchObject({ code: 'limit_exceeded' });
  });

  test('are given back when nothing was started, and not when nobody knows', async () => {
    limited({ emailsPerDay: 10 });
    api.jobs.start = () => Promise.reject(new AppError('idempotency_key_reused', 'Other.'));
    expect((await send(4, 'k')).status).toBe(422);
    expect(api.limits.sent.count).toBe(0);
    api.jobs.start = () => Promise.reject(new AppError('temporal_unavailable', 'Away.', { retryable: true, retryAfterSeconds: 1 }));
    expect((await send(4, 'k')).status).toBe(503);
    expect(api.limits.sent.count).toBe(4);
  });

  test('cannot be had by changing a job with one recipient into one with fifty', async () => {
    limited({ emailsPerDay: 20 });
    const scheduled = jobOf({
      jobId: 'email_x',
      type: { type: 'email', workflow: 'sendEmail' } as StartRequest['type'],
      createdAt: '2026-11-22T12:00:00Z',
    });
    api.jobs.edit = async (_tenant, _id, build) => {
      await build(scheduled);
      return scheduled;
    };
    const change = (count: number) =>
      api
        .agent()
        .patch('/v1/jobs/email_x')
        .send({ request: { to: to(count), subject: 'Hello', text: 'Hi' } });
    expect((await change(21)).body).toMatchObject({ code: 'limit_exceeded', errors: [{ pointer: '/request/to' }] });
    expect((await change(20)).status).toBe(200);
    expect(api.limits.sent.count).toBe(20);
    api.jobs.edit = async (_tenant, _id, build) => {
      api.limits.sent.count = 0;
      await build(scheduled);
      throw new AppError('job_not_scheduled', 'It runs.');
    };
    expect((await change(2)).status).toBe(409);
    expect(api.limits.sent.count).toBe(0);
  });
});

describe('open jobs', () => {
  test('are refused beyond the limit, but repeated requests are answered', async () => {
    limited({ openJobs: 2 });
    remembering();
    expect([(await send(1, 'a')).status, (await send(1, 'b')).status]).toEqual([202, 202]);
    const refused = await send(1, 'c');
    expect([refused.status, refused.get('Retry-After')]).toEqual([429, '5']);
    expect(refused.body).toMatchObject({ code: 'limit_exceeded', limit: 'openJobs' });
    expect((await send(1, 'a')).get('Idempotency-Replayed')).toBe('true');
    expect((await api.agent().get('/v1/jobs')).status).toBe(200);
  });

  test('leave no file behind when they are refused', async () => {
    limited({ openJobs: 0 });
    expect((await upload(10)).body).toMatchObject({ code: 'limit_exceeded', limit: 'openJobs' });
    expect((await send(1, undefined, { text: 'x'.repeat(100_000) })).status).toBe(429);
    expect([await api.store.count(), stored()]).toEqual([0, 0]);
  });

  test('are not used up by what is refused for another reason', async () => {
    limited({ openJobs: 1, emailsPerDay: 5 });
    const report = { title: 'Sales', source: { fileId: 'file_unknown' }, outputs: [{ format: 'csv' }] };
    for (let i = 0; i < 3; i++) expect((await api.agent().post('/v1/reports').send(report)).body).toMatchObject({ code: 'file_not_found' });
    expect((await send(6)).status).toBe(429);
    expect((await send(5)).status).toBe(202);
  });
});

describe('bytes of files', () => {
  test('are refused by the declared length, before the body is read', async () => {
    limited({ storedBytes: 1_000 });
    const head = `POST /v1/uploads HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer ${keys.acme}\r\n`;
    const declared = 'Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 140000\r\n\r\n';
    const received = await rawRequest(api.port, [head + declared]);
    expect(received).toMatch(/^HTTP\/1\.1 429 /);
    expect(await api.store.count()).toBe(0);
  });

  test('are refused by the real size, and nothing is kept', async () => {
    limited({ storedBytes: 1_000 });
    const refused = await upload(1_001);
    expect(refused.status).toBe(429);
    expect(refused.body).toMatchObject({ code: 'limit_exceeded', limit: 'storedBytes', errors: [{ pointer: '/file' }] });
    expect([await api.store.count(), api.started.length]).toEqual([0, 0]);
    expect((await upload(1_000)).status).toBe(202);
    expect((await upload(1)).status).toBe(429);
  });

  test('of many uploads at once stay within the limit together', async () => {
    limited({ storedBytes: 3_000 });
    const answers = await Promise.all(Array.from({ length: 10 }, () => upload(1_000)));
    expect(answers.map(({ status }) => status).sort()).toEqual([202, 202, 202, ...Array<number>(7).fill(429)]);
    expect(stored()).toBe(3_000);
  });

  test('of large bodies in JSON count as well; what is stored nowhere needs no room', async () => {
    limited({ storedBytes: 1_000 });
    const refused = await send(1, undefined, { text: 'x'.repeat(100_000) });
    expect(refused.body).toMatchObject({ code: 'limit_exceeded', limit: 'storedBytes' });
    const rows = Array.from({ length: 5_000 }, (_, i) => ({ name: `row ${String(i)}` }));
    const report = { title: 'Sales', source: { rows }, outputs: [{ format: 'csv' }] };
    expect((await api.agent().post('/v1/reports').send(report)).status).toBe(429);
    expect((await send(1)).status).toBe(202);
    expect([await api.store.count(), stored()]).toEqual([0, 0]);
  });

  test('do not stand in the way of the answer to a repeated upload', async () => {
    limited({ storedBytes: 1_000 });
    remembering();
    expect((await upload(1_000, 'photo')).status).toBe(202);
    const again = await upload(1_000, 'photo');
    expect([again.status, again.get('Idempotency-Replayed')]).toEqual([202, 'true']);
    expect((await upload(1, 'other')).status).toBe(429);
    expect(stored()).toBe(1_000);
  });

  test('beyond what any file may have are still too large, not too many', async () => {
    limited({ storedBytes: 10_000_000 });
    expect((await upload(300_000)).body).toMatchObject({ code: 'payload_too_large' });
  });
});

describe('while too much work waits', () => {
  beforeEach(() => {
    waiting = 11;
  });
  afterEach(() => {
    waiting = 0;
  });

  test('new work is refused at once with 503; repeated requests and reading go on', async () => {
    remembering();
    // The first one only makes it look.
    expect((await send(1, 'a')).status).toBe(202);
    const refused = await send(1, 'b');
    expect([refused.status, refused.get('Retry-After')]).toEqual([503, '5']);
    expect(refused.body).toMatchObject({ code: 'overloaded', retryable: true });
    expect((await send(1, 'a')).get('Idempotency-Replayed')).toBe('true');
    expect((await upload(10)).status).toBe(503);
    expect((await api.agent().get('/v1/jobs')).status).toBe(200);
    expect([api.started.length, await api.store.count()]).toEqual([1, 0]);
  });
});
