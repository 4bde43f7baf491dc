import { describe, expect, test } from '@jest/globals';

import { AppError } from '../../../src/errors.ts';
import { newJobId } from '../../../src/jobs/ids.ts';
import type { Job } from '../../../src/jobs/job.ts';
import { aJob, keys, testApi } from '../../support/api.ts';

const api = testApi();
const id = newJobId('email', 'acme', 'k');
const at = (action: string) => `/v1/jobs/${id}/${action}`;

/** What the job client was asked to do, in order. */
function recordCalls(job: Job = aJob({ id, status: 'cancelling' })): unknown[][] {
  const calls: unknown[][] = [];
  const taking =
    (name: string) =>
    (...args: unknown[]) => {
      calls.push([name, ...args]);
      return Promise.resolve(job);
    };
  api.jobs = { cancel: taking('cancel'), retry: taking('retry'), discard: taking('discard'), addNote: taking('addNote') };
  return calls;
}

describe('POST /v1/jobs/{id}/…', () => {
  test.each([
    ['cancel', undefined, ['cancel', 'acme', id]],
    ['cancel', {}, ['cancel', 'acme', id]],
    ['retry', undefined, ['retry', 'acme', id]],
    ['discard', undefined, ['discard', 'acme', id, {}]],
    ['discard', { reason: 'Duplicate of 41' }, ['discard', 'acme', id, { reason: 'Duplicate of 41' }]],
    ['notes', { text: 'Asked the shop' }, ['addNote', 'acme', id, { text: 'Asked the shop', at: expect.stringMatching(/Z$/) }]],
  ])('%s with %j is done once, and answered with 202 and the job as it is then', async (action, body, call) => {
    const calls = recordCalls();
    const response = await (body === undefined ? api.agent().post(at(action)) : api.agent().post(at(action)).send(body));
    expect(response.status).toBe(202);
    expect(response.body).toMatchObject({ id, status: 'cancelling', links: { self: `/v1/jobs/${id}` } });
    expect(response.get('Cache-Control')).toBe('no-store');
    expect(calls).toEqual([call]);
  });

  test.each(['cancel', 'retry', 'discard'])('%s of a job that is unknown, or of another tenant, is answered with 404', async (action) => {
    const response = await api.agent(keys.other).post(at(action));
    expect(response.status).toBe(404);
    expect(response.body).toMatchObject({ code: 'not_found' });
  });

  test.each([
    ['cancel', 'job_not_cancellable'],
    ['retry', 'job_not_retryable'],
    ['discard', 'job_not_dead_lettered'],
  ] as const)('%s at the wrong time is answered with 409 and a code of its own', async (action, code) => {
    api.jobs = { [action]: () => Promise.reject(new AppError(code, 'The job is completed.')) };
    const response = await api.agent().post(at(action));
    expect(response.status).toBe(409);
    expect(response.body).toMatchObject({ code, detail: 'The job is completed.', retryable: false });
  });

  test.each([
    ['cancel', { force: true }, '/force'],
    ['retry', { attempts: 3 }, '/attempts'],
    ['discard', { why: 'x' }, '/why'],
    ['discard', { reason: '' }, '/reason'],
    ['discard', { reason: 'x'.repeat(501) }, '/reason'],
    ['discard', { reason: 'one\ntwo' }, '/reason'],
    ['discard', { reason: 7 }, '/reason'],
    ['notes', {}, '/text'],
    ['notes', { text: '' }, '/text'],
    ['notes', { text: 'x'.repeat(501) }, '/text'],
    ['notes', { text: 'x', at: '2026-11-22T12:00:00Z' }, '/at'],
    ['cancel', [], ''],
  ])('%s with %j is refused with a pointer to the fault', async (action, body, pointer) => {
    const calls = recordCalls();
    const response = await api.agent().post(at(action)).send(body);
    expect(response.status).toBe(400);
    expect(response.body).toMatchObject({ code: 'invalid_request', errors: [{ pointer }] });
    expect(calls).toEqual([]);
  });

  test('takes JSON only', async () => {
    const calls = recordCalls();
    const response = await api.agent().post(at('cancel')).set('Content-Type', 'text/plain').send('now');
    expect(response.status).toBe(415);
    expect(calls).toEqual([]);
  });

  test('needs a key', async () => {
    const calls = recordCalls();
    expect((await api.anonymous().post(at('cancel'))).status).toBe(401);
    expect(calls).toEqual([]);
  });
});

describe('DELETE /v1/jobs/{id}', () => {
  test('is no alias of cancel: the method is not allowed', async () => {
    const calls = recordCalls();
    const response = await api.agent().delete(`/v1/jobs/${id}`);
    expect(response.status).toBe(405);
    expect(response.get('Allow')).toBe('GET, HEAD, PATCH');
    expect(response.body).toMatchObject({ code: 'method_not_allowed' });
    expect(calls).toEqual([]);
  });

  test('neither is GET of an action', async () => {
    const response = await api.agent().get(at('cancel'));
    expect([response.status, response.get('Allow')]).toEqual([405, 'POST']);
  });
});
