import { describe, expect, test } from '@jest/globals';

import { createHandoffClient, HandoffProblem, isProblem } from '../../client/index.ts';
import { AppError } from '../../src/errors.ts';
import { newJobId } from '../../src/jobs/ids.ts';
import type { JobStatus } from '../../src/jobs/job.ts';
import { allJobTypes } from '../../src/jobs/registry.ts';
import { jobOf, keys, testApi } from '../support/api.ts';

const api = testApi();
const clientOf = (apiKey = keys.acme) => createHandoffClient({ baseUrl: `http://127.0.0.1:${String(api.port)}`, apiKey });
const id = newJobId('report', 'acme', 'k');

/** The fake job client answers with these in turn, and then with the last for ever. */
function answering(...answers: (JobStatus | AppError | undefined)[]): void {
  const type = allJobTypes.find((candidate) => candidate.type === 'report');
  const waiting = [...answers];
  api.jobs.get = () => {
    const answer = waiting.length > 1 ? waiting.shift() : waiting[0];
    if (answer === undefined) return Promise.resolve(undefined);
    if (answer instanceof AppError) return Promise.reject(answer);
    const request = { jobId: id, type, tenant: 'acme', createdAt: '2026-11-22T12:00:00.000Z', input: {}, fingerprint: '' };
    return Promise.resolve(jobOf(request as Parameters<typeof jobOf>[0], { status: answer }));
  };
}

describe('the TypeScript client', () => {
  test('starts a job, with the answer typed by the path', async () => {
    const { data, response } = await clientOf().POST('/v1/emails', {
      params: { header: { 'Idempotency-Key': 'order-42' } },
      body: { to: ['ada@example.com'], subject: 'Hello', text: 'Hi' },
    });
    const type: 'email' | undefined = data?.type;
    expect(type).toBe('email');
    expect(response.headers.get('Location')).toBe(`/v1/jobs/${String(data?.id)}`);
    expect(api.started.map(({ jobId }) => jobId)).toEqual([newJobId('email', 'acme', 'order-42')]);
  });

  test('sends a body that has a file in it as a form', async () => {
    const file = new File(['a,b\n1,2\n'], 'table.csv', { type: 'text/csv' });
    const variants = [{ name: 'small', width: 10, format: 'webp' as const }];
    const { data } = await clientOf().POST('/v1/uploads', { body: { file, request: { variants } } });
    expect(data?.type).toBe('upload');
    expect(api.started[0]?.input).toMatchObject({ file: { name: 'table.csv', contentType: 'text/csv', size: 8 }, variants });
  });

  test('returns a problem as `error`, with its code', async () => {
    const { data, error } = await clientOf('wrong').GET('/v1/jobs/{id}', { params: { path: { id } } });
    expect(data).toBeUndefined();
    expect(error?.code).toBe('unauthorized');
    expect(isProblem(error)).toBe(true);
  });

  test.each([undefined, null, 'text', {}, { code: 'not_found' }])('does not take %j for a problem', (value) => {
    expect(isProblem(value)).toBe(false);
  });
});

describe('waitForJob', () => {
  test.each(['completed', 'failed', 'cancelled', 'expired', 'dead_lettered'] as const)('ends with a job that is %s', async (status) => {
    answering(status);
    const job = await clientOf().waitForJob(id);
    expect(job).toMatchObject({ id, status });
    // By its type, the compiler knows what its result looks like.
    expect(job.type === 'report' ? (job.result?.files ?? []) : undefined).toEqual([]);
  });

  test('asks again after a passing outage', async () => {
    answering(new AppError('temporal_unavailable', 'Away.', { retryable: true, retryAfterSeconds: 1 }), 'completed');
    expect((await clientOf().waitForJob(id)).status).toBe('completed');
    expect(api.answers.map(({ status }) => status)).toEqual([503, 200]);
  });

  test('asks again while the job goes on, and whenever nothing has changed', async () => {
    answering('queued', 'queued', 'queued', 'dead_lettered');
    expect((await clientOf().waitForJob(id)).status).toBe('dead_lettered');
  });

  test('throws a HandoffProblem for a job that does not exist', async () => {
    answering(undefined);
    const failure = await clientOf()
      .waitForJob(id)
      .catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(HandoffProblem);
    expect(failure).toMatchObject({ name: 'HandoffProblem', code: 'not_found', status: 404 });
  });

  test('ends with a TimeoutError when the time is over, and with the reason of its signal', async () => {
    answering(new AppError('temporal_unavailable', 'Away.', { retryable: true, retryAfterSeconds: 3_600 }));
    await expect(clientOf().waitForJob(id, { timeoutMs: 1 })).rejects.toMatchObject({ name: 'TimeoutError' });
    const stop = new AbortController();
    const waiting = clientOf().waitForJob(id, { signal: stop.signal });
    stop.abort(new Error('not needed any more'));
    await expect(waiting).rejects.toThrow('not needed any more');
  });
});
