import { describe, expect, test } from '@jest/globals';

import { AppError } from '../../../src/errors.ts';
import type { Action } from '../../../src/jobs/explanation.ts';
import { keys, testApi } from '../../support/api.ts';

const api = testApi();
const id = 'email_favhp5ge2rm62zof2zj3sgeyag';
const because = [{ code: 'between_steps' as const, text: 'No step is open.', facts: {} }];

describe('GET /v1/jobs/{id}/explain', () => {
  test('gives status, reasons and advice, and is never kept by a cache', async () => {
    const asked: string[][] = [];
    const given: (Action | null)[] = ['read', 'watch', 'edit', 'retry', 'discard', 'cancel', { command: 'handoff worker' }, null];
    api.jobs.explain = (tenant, job) => {
      asked.push([tenant, job]);
      return Promise.resolve({ status: 'running', stuck: true, because, next: given.map((action) => ({ text: 'Do it.', action })) });
    };
    const response = await api.agent().get(`/v1/jobs/${id}/explain`).expect(200);
    expect(asked).toEqual([['acme', id]]);
    expect(response.get('Cache-Control')).toBe('no-store');
    const self = `/v1/jobs/${id}`;
    const actions = [
      { method: 'GET', path: self },
      { method: 'GET', path: `${self}/events` },
      { method: 'PATCH', path: self },
      { method: 'POST', path: `${self}/retry` },
      { method: 'POST', path: `${self}/discard` },
      { method: 'POST', path: `${self}/cancel` },
      { command: 'handoff worker' },
      null,
    ];
    expect(response.body).toEqual({ status: 'running', stuck: true, because, next: actions.map((action) => ({ text: 'Do it.', action })) });
  });

  test("is 404 for an unknown job and another tenant's, with the same words", async () => {
    api.jobs.explain = (tenant) =>
      Promise.resolve(tenant === 'acme' ? { status: 'running' as const, stuck: false, because, next: [] } : undefined);
    const foreign = await api.agent(keys.other).get(`/v1/jobs/${id}/explain`).expect(404);
    delete api.jobs.explain;
    const unknown = await api.agent().get(`/v1/jobs/${id}/explain`).expect(404);
    const bodyOf = (response: typeof foreign) => ({ ...(response.body as Record<string, unknown>), requestId: null });
    const [foreignBody, unknownBody] = [bodyOf(foreign), bodyOf(unknown)];
    expect(foreignBody).toMatchObject({ code: 'not_found' });
    expect(foreignBody).toEqual(unknownBody);
  });

  test('is 503 while Temporal does not answer, and takes no other method', async () => {
    api.jobs.explain = () => Promise.reject(new AppError('temporal_unavailable', 'Temporal does not answer.', { retryable: true }));
    const away = await api.agent().get(`/v1/jobs/${id}/explain`).expect(503);
    expect((away.body as { code: string }).code).toBe('temporal_unavailable');
    const post = await api.agent().post(`/v1/jobs/${id}/explain`).expect(405);
    expect(post.get('Allow')).toBe('GET, HEAD');
  });
});
