import { describe, expect, test } from '@jest/globals';

import { newJobId } from '../../../src/jobs/ids.ts';
import { aJob, jobOf, keys, testApi } from '../../support/api.ts';

const api = testApi();
const email = { to: ['ada@example.com'], subject: 'Hello', text: 'Hi' };
const report = { title: 'Sales', source: { rows: [{ city: 'Oslo', sum: 12.5 }] }, outputs: [{ format: 'csv' }] };
const iso = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

describe('a submission', () => {
  test.each([
    ['email', '/v1/emails', email],
    ['report', '/v1/reports', report],
  ])('of type %s is answered with 202, the place of the job, when to look, and the job', async (type, path, body) => {
    const response = await api.agent().post(path).send(body);
    expect(response.status).toBe(202);
    const job = response.body as { id: string };
    expect(job).toEqual({
      id: expect.stringMatching(new RegExp(`^${type}_[a-z2-7]{26}$`)),
      type,
      status: 'queued',
      createdAt: expect.stringMatching(iso),
      startedAt: null,
      finishedAt: null,
      attempt: null,
      maximumAttempts: null,
      nextAttemptAt: null,
      progress: null,
      result: null,
      error: null,
      deadLetter: null,
      stuck: false,
      stuckReason: null,
      notes: [],
      startAt: null,
      expiresAt: null,
      priority: 3,
      labels: {},
      links: {
        self: `/v1/jobs/${job.id}`,
        events: `/v1/jobs/${job.id}/events`,
        cancel: `/v1/jobs/${job.id}/cancel`,
        retry: `/v1/jobs/${job.id}/retry`,
        discard: `/v1/jobs/${job.id}/discard`,
        explain: `/v1/jobs/${job.id}/explain`,
        temporal: `http://127.0.0.1:8233/namespaces/default/workflows/${job.id}`,
      },
    });
    expect(response.get('Location')).toBe(`/v1/jobs/${job.id}`);
    expect(response.get('Retry-After')).toMatch(/^[1-9]\d*$/);
    expect(response.get('Content-Type')).toBe('application/json; charset=utf-8');
    expect(response.get('Idempotency-Replayed')).toBeUndefined();
    expect(api.started).toMatchObject([{ jobId: job.id, tenant: 'acme', createdAt: (job as { createdAt?: string }).createdAt }]);
  });

  test('of an upload, too, also when only the file is sent', async () => {
    const response = await api.agent().post('/v1/uploads').attach('file', Buffer.from('hello'), 'a.txt');
    expect(response.status).toBe(202);
    expect(response.body).toMatchObject({ type: 'upload', status: 'queued' });
    expect(api.started[0]?.input).toMatchObject({ file: { name: 'a.txt', size: 5, contentType: 'text/plain' } });
    expect(await api.store.count()).toBe(1);
  });

  test('is one of another tenant with the key of another tenant', async () => {
    await api.agent(keys.other).post('/v1/emails').send(email);
    expect(api.started).toMatchObject([{ tenant: 'other' }]);
  });

  test('takes application/*+json and charset=utf-8', async () => {
    for (const type of ['application/json; charset=utf-8', 'application/vnd.handoff+json']) {
      const response = await api.agent().post('/v1/emails').set('Content-Type', type).send(JSON.stringify(email));
      expect(response.status).toBe(202);
    }
  });
});

describe('an Idempotency-Key', () => {
  const post = (key: string, body: object = email, path = '/v1/emails') => api.agent().post(path).set('Idempotency-Key', key).send(body);

  test('decides the id of the job, for its tenant and type', async () => {
    await post('order-42');
    await post('order-42');
    await post('order-42', report, '/v1/reports');
    await api.agent(keys.other).post('/v1/emails').set('Idempotency-Key', 'order-42').send(email);
    const [first, second, ofReport, ofOther] = api.started.map(({ jobId }) => jobId);
    expect(first).toBe(newJobId('email', 'acme', 'order-42'));
    expect(second).toBe(first);
    expect(new Set([first, ofReport, ofOther]).size).toBe(3);
  });

  test('of a job that is there already is answered with that job, and says so', async () => {
    api.jobs = { start: (asked) => Promise.resolve({ started: false, job: jobOf(asked, { status: 'running', attempt: 1 }) }) };
    const response = await post('order-42');
    expect(response.status).toBe(202);
    expect(response.get('Idempotency-Replayed')).toBe('true');
    expect(response.get('Location')).toBe(`/v1/jobs/${newJobId('email', 'acme', 'order-42')}`);
    expect(response.body).toMatchObject({ status: 'running', attempt: 1 });
  });

  test('comes with a fingerprint of what was asked: the order of fields does not matter, all else does', async () => {
    await post('k', { to: email.to, subject: 'Hello', text: 'Hi' });
    await post('k', { text: 'Hi', subject: 'Hello', to: email.to });
    await post('k', { ...email, subject: 'hello' });
    await post('k', { ...email, to: ['ada@example.com', 'bob@example.com'] });
    await post('k', { ...email, to: ['bob@example.com', 'ada@example.com'] });
    const [first, second, ...others] = api.started.map(({ fingerprint }) => fingerprint);
    expect(second).toBe(first);
    expect(new Set([first, ...others]).size).toBe(4);
  });

  test('of an upload covers bytes, name and request', async () => {
    const upload = (bytes: string, name: string, request?: string) => {
      const asked = api.agent().post('/v1/uploads').set('Idempotency-Key', 'k').attach('file', Buffer.from(bytes), name);
      return request === undefined ? asked : asked.field('request', request);
    };
    await upload('one', 'a.txt');
    await upload('one', 'a.txt', '{}');
    await upload('two', 'a.txt');
    await upload('one', 'b.txt');
    await upload('one', 'a.txt', '{"variants":[]}');
    const [first, second, ...others] = api.started.map(({ fingerprint }) => fingerprint);
    expect(second).toBe(first);
    expect(new Set([first, ...others]).size).toBe(4);
  });

  test('may have 255 characters', async () => {
    expect((await post('k'.repeat(255))).status).toBe(202);
  });

  test.each([['x'.repeat(256)], [''], ['a b'], ['a\tb'], ['schlüssel']])('is refused when it is %j', async (key) => {
    const response = await post(key);
    expect(response.status).toBe(400);
    expect(response.body).toMatchObject({ code: 'invalid_idempotency_key', errors: [{ pointer: '#header:Idempotency-Key' }] });
    expect(api.started).toEqual([]);
  });
});

describe('GET of a job', () => {
  const id = newJobId('email', 'acme', 'k');

  test('shows it, to be asked for anew each time', async () => {
    const error = {
      code: 'mail_rejected',
      message: '550 no such user',
      details: { messages: [{ recipient: 'ada@example.com' }] },
    } as const;
    const times = { createdAt: new Date(0), startedAt: new Date(1_000), finishedAt: new Date(2_000) };
    const job = {
      id,
      type: 'email',
      workflow: 'sendEmail',
      status: 'failed',
      ...times,
      attempt: 1,
      progress: null,
      result: null,
      error: { code: error.code, message: error.message, details: { messages: [{ recipient: 'ada@example.com' }] } },
    } as const;
    api.jobs = { get: (tenant, asked) => Promise.resolve(tenant === 'acme' && asked === id ? aJob(job) : undefined) };
    const response = await api.agent().get(`/v1/jobs/${id}`);
    expect(response.status).toBe(200);
    expect(response.get('Cache-Control')).toBe('private, no-cache');
    expect(response.body).toMatchObject({
      id,
      status: 'failed',
      createdAt: '1970-01-01T00:00:00.000Z',
      startedAt: '1970-01-01T00:00:01.000Z',
      finishedAt: '1970-01-01T00:00:02.000Z',
      error: {
        type: 'urn:handoff:problem:mail_rejected',
        title: 'The mail server rejected the message for good',
        status: 422,
        detail: '550 no such user',
        code: 'mail_rejected',
        retryable: false,
        messages: [{ recipient: 'ada@example.com' }],
      },
    });
    expect((await api.agent(keys.other).get(`/v1/jobs/${id}`)).status).toBe(404);
  });

  test('puts links beside the files of a result', async () => {
    const file = { id: 'file_x', name: 'sales.csv', contentType: 'text/csv; charset=utf-8', size: 9, sha256: 'ab', format: 'csv' };
    const nothing = { startedAt: null, finishedAt: null, attempt: 1, progress: null, error: null };
    const result = { rows: 1, files: [file] };
    const job = { id, type: 'report', workflow: 'generateReport', status: 'completed', createdAt: new Date(), ...nothing, result } as const;
    api.jobs = { get: () => Promise.resolve(aJob(job)) };
    const content = expect.stringMatching(/^\/v1\/files\/file_x\/content\?expires=\d+&signature=[\w-]{43}$/);
    const links = { self: '/v1/files/file_x', content };
    expect((await api.agent().get(`/v1/jobs/${id}`)).body).toMatchObject({ result: { rows: 1, files: [{ ...file, links }] } });
  });
});
