import { describe, expect, test } from '@jest/globals';

import { AppError } from '../../../src/errors.ts';
import { newJobId } from '../../../src/jobs/ids.ts';
import type { Job } from '../../../src/jobs/job.ts';
import { hashLabels } from '../../../src/jobs/labels.ts';
import type { Edit } from '../../../src/jobs/messages.ts';
import { aJob, tenantKeys, testApi } from '../../support/api.ts';

const api = testApi();
const startAt = new Date(Date.now() + 3_600_000);
const scheduled = (type: string): Job => aJob({ id: newJobId(type, 'acme', 'k'), type, status: 'scheduled', startAt });

/** Sends a PATCH; `edits` is what the workflow would be sent. */
async function patch(body: unknown, job = scheduled('email')) {
  const edits: Edit[] = [];
  api.jobs = {
    edit: async (tenant, id, edit) => {
      if (tenant !== 'acme' || id !== job.id) return undefined;
      edits.push(await edit(job));
      return job;
    },
  };
  const response = await api
    .agent()
    .patch(`/v1/jobs/${job.id}`)
    .set('Content-Type', 'application/json')
    .send(typeof body === 'string' ? body : JSON.stringify(body));
  return { response, edits };
}

describe('PATCH /v1/jobs/{id}', () => {
  test('is answered with 200 and the job as it is then', async () => {
    const { response } = await patch({ options: { priority: 1 } });
    expect(response.status).toBe(200);
    expect(response.get('Cache-Control')).toBe('no-store');
    expect(response.body).toMatchObject({ status: 'scheduled', startAt: startAt.toISOString() });
  });

  test('tells the workflow what changes, and nothing else', async () => {
    const later = new Date(Date.now() + 7_200_000).toISOString();
    const { edits } = await patch({ options: { startAt: later, ttlSeconds: 60, priority: 1, labels: { order: '42' } } });
    const changes = { startAt: later, ttlSeconds: 60, priority: 1 };
    const labels = await hashLabels(tenantKeys, 'acme', { order: '42' });
    expect(edits).toEqual([{ ...changes, labels, memo: { ...changes, labels: { order: '42' } } }]);
    expect((await patch({ options: { ttlSeconds: null } })).edits).toEqual([{ ttlSeconds: null, memo: { ttlSeconds: null } }]);
    expect((await patch({ options: { labels: {} } })).edits).toEqual([{ labels: [], memo: { labels: {} } }]);
  });

  test.each([
    [0, 0],
    [90, 90_000],
    [0.0001, 1],
  ])('delaySeconds: %d counts from now', async (delaySeconds, milliseconds) => {
    const before = Date.now();
    const { edits } = await patch({ options: { delaySeconds } });
    const after = Date.now();
    const time = Date.parse(edits[0]?.startAt ?? '');
    expect(time).toBeGreaterThanOrEqual(before + milliseconds);
    expect(time).toBeLessThanOrEqual(after + milliseconds);
    expect(edits[0]?.memo).toEqual({ startAt: edits[0]?.startAt });
  });

  test('a start time that has just passed means now', async () => {
    const { response, edits } = await patch({ options: { startAt: new Date(Date.now() - 2_000).toISOString() } });
    expect(response.status).toBe(200);
    expect(Math.abs(Date.parse(edits[0]?.startAt ?? '') - Date.now())).toBeLessThan(60_000);
  });

  test('replaces an e-mail, and the number of recipients that its progress counts', async () => {
    const { edits } = await patch({ request: { to: ['a@example.com', 'b@example.com'], subject: 'New', text: 'Hi' } });
    expect(edits).toEqual([
      {
        input: { to: ['a@example.com', 'b@example.com'], content: { subject: 'New', text: 'Hi' } },
        memo: { plan: { total: 2, done: 0, unit: 'recipients', stage: 'sending' } },
      },
    ]);
  });

  test("replaces an upload's variants, and leaves its file alone", async () => {
    const variants = [{ name: 'tiny', width: 10, format: 'png' }];
    const { edits } = await patch({ request: { variants } }, scheduled('upload'));
    expect(edits).toEqual([{ input: { variants, preset: null }, merge: true, memo: {} }]);
  });

  test.each([
    [{}, '', 'invalid_request'],
    [{ options: {} }, '', 'invalid_request'],
    [{ status: 'cancelled' }, '/status', 'invalid_request'],
    [{ options: { retry: { maximumAttempts: 3 } } }, '/options/retry', 'invalid_request'],
    [{ options: { colour: 'red' } }, '/options/colour', 'invalid_request'],
    [{ options: { delaySeconds: -1 } }, '/options/delaySeconds', 'value_out_of_range'],
    [{ options: { delaySeconds: null } }, '/options/delaySeconds', 'invalid_request'],
    [{ options: { priority: 6 } }, '/options/priority', 'value_out_of_range'],
    [{ options: { ttlSeconds: 0 } }, '/options/ttlSeconds', 'value_out_of_range'],
    [{ options: { startAt: '2020-01-01T00:00:00Z' } }, '/options/startAt', 'start_in_past'],
    [{ options: { startAt: '2226-01-01T00:00:00Z' } }, '/options/startAt', 'value_out_of_range'],
    [{ options: { startAt: startAt.toISOString(), delaySeconds: 1 } }, '/options/delaySeconds', 'invalid_request'],
    [{ request: {} }, '/request/to', 'invalid_request'],
    [{ request: null }, '/request', 'invalid_request'],
    [{ request: { to: ['a@example.com'], subject: 'x', text: 'y', options: {} } }, '/request/options', 'invalid_request'],
    [[], '', 'invalid_request'],
  ])('%j is refused with a pointer to the fault, and changes nothing', async (body, pointer, code) => {
    const { response, edits } = await patch(body);
    expect(response.status).toBe(400);
    expect(response.body).toMatchObject({ code });
    expect((response.body as { errors: { pointer: string }[] }).errors[0]?.pointer).toBe(pointer);
    expect(edits).toEqual([]);
  });

  test.each([
    ['job_not_scheduled', 409, undefined],
    ['worker_unavailable', 503, '5'],
  ] as const)('%s is answered with %d', async (code, status, retryAfter) => {
    const retrying = code === 'worker_unavailable' ? { retryable: true, retryAfterSeconds: 5 } : {};
    api.jobs = { edit: () => Promise.reject(new AppError(code, 'Not now.', retrying)) };
    const response = await api
      .agent()
      .patch(`/v1/jobs/${newJobId('email', 'acme')}`)
      .send({ options: { priority: 1 } });
    expect([response.status, response.get('Retry-After')]).toEqual([status, retryAfter]);
    expect(response.body).toMatchObject({ code, retryable: code === 'worker_unavailable' });
  });

  test('of a job that is unknown, or of another tenant, is answered with 404', async () => {
    const response = await api
      .agent()
      .patch(`/v1/jobs/${newJobId('email', 'acme')}`)
      .send({ options: { priority: 1 } });
    expect(response.status).toBe(404);
  });

  test('takes JSON only', async () => {
    const response = await api
      .agent()
      .patch(`/v1/jobs/${newJobId('email', 'acme')}`)
      .set('Content-Type', 'text/plain')
      .send('now');
    expect(response.status).toBe(415);
  });
});
