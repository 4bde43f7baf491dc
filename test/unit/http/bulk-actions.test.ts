import { describe, expect, test } from '@jest/globals';

import { AppError } from '../../../src/errors.ts';
import type { BulkAction, BulkRequest } from '../../../src/jobs/bulk.ts';
import { newJobId } from '../../../src/jobs/ids.ts';
import { hashLabel } from '../../../src/jobs/labels.ts';
import { bulkActionOf, keys, tenantKeys, testApi } from '../../support/api.ts';

const api = testApi();
const post = (body: object, headers: Record<string, string> = {}) => api.agent().post('/v1/bulk-actions').set(headers).send(body);

/** What reached the job client. */
function starts(): BulkRequest[] {
  const requests: BulkRequest[] = [];
  api.bulkActions.start = (asked) => {
    requests.push(asked);
    return Promise.resolve({ started: true, bulkAction: bulkActionOf(asked) });
  };
  return requests;
}

const id = newJobId('bulk', 'acme');
const half: Partial<BulkAction> = {
  counts: { matched: 10, done: 3, skipped: 1, failed: 1 },
  failures: [{ jobId: 'email_x', code: 'internal_error' }],
};
const bulkAction = (changes: Partial<BulkAction> = {}) =>
  bulkActionOf(
    {
      ...{ id, tenant: 'acme', action: 'retry', filter: { statuses: ['dead_lettered'], labelHashes: [] }, asked: { type: 'email' } },
      ...{ dryRun: false, ratePerSecond: 10, fingerprint: '' },
    },
    changes,
  );

describe('POST /v1/bulk-actions', () => {
  test('answers 202 with the place of the bulk action; by default it is no dry run, and ten jobs a second', async () => {
    const requests = starts();
    const response = await post({ action: 'retry', filter: {} }).expect(202);
    expect(response.body).toMatchObject({
      ...{ id: expect.stringMatching(/^bulk_[a-z2-7]{26}$/), action: 'retry', filter: {}, dryRun: false, ratePerSecond: 10 },
      ...{ status: 'running', counts: { matched: 0, done: 0, skipped: 0, failed: 0 }, progress: { done: 0, total: 0 } },
      ...{ failures: [], sample: null, createdAt: '2026-11-22T12:00:00.000Z', finishedAt: null },
    });
    const { id: made, links } = response.body as { id: string; links: unknown };
    const self = `/v1/bulk-actions/${made}`;
    expect(response.headers).toMatchObject({ location: self, 'retry-after': '1' });
    expect(links).toEqual({ self, pause: `${self}/pause`, resume: `${self}/resume`, abort: `${self}/abort` });
    expect(requests).toEqual([
      expect.objectContaining({ tenant: 'acme', action: 'retry', filter: { statuses: ['dead_lettered'], labelHashes: [] } }),
    ]);
  });

  test('hands on the filter with labels as Temporal may know them, and shows it as it was asked for', async () => {
    const requests = starts();
    const filter = {
      ...{ type: 'email', status: 'running', label: { order: '42' } },
      ...{ createdAfter: '2026-11-01T00:00:00Z', createdBefore: '2026-11-22T00:00:00+01:00' },
    };
    const response = await post({ action: 'cancel', filter, ratePerSecond: 0.5, dryRun: true }).expect(202);
    expect(response.body).toMatchObject({ filter, dryRun: true, ratePerSecond: 0.5 });
    expect(requests[0]?.filter).toEqual({
      type: 'email',
      createdAfter: '2026-11-01T00:00:00Z',
      createdBefore: '2026-11-22T00:00:00+01:00',
      statuses: ['running'],
      labelHashes: [await hashLabel(tenantKeys, 'acme', 'order', '42')],
    });
  });

  test('cancels all open jobs when no status is named', async () => {
    const requests = starts();
    await post({ action: 'cancel', filter: {} }).expect(202);
    expect(requests[0]?.filter.statuses).toEqual(['scheduled', 'running', 'dead_lettered']);
  });

  test('hands on the reason of a discard', async () => {
    const requests = starts();
    const response = await post({ action: 'discard', filter: {}, reason: 'stale' }).expect(202);
    expect(response.body).toMatchObject({ reason: 'stale' });
    expect(requests[0]).toMatchObject({ reason: 'stale' });
  });

  test('with an Idempotency-Key has the same id each time, of its own for each tenant, and says that it is a repetition', async () => {
    const requests = starts();
    const key = { 'Idempotency-Key': 'redrive-1' };
    await post({ action: 'retry', filter: {} }, key).expect(202);
    await post({ action: 'retry', filter: {} }, key).expect(202);
    await api.agent(keys.other).post('/v1/bulk-actions').set(key).send({ action: 'retry', filter: {} }).expect(202);
    expect(requests[0]).toMatchObject({ id: newJobId('bulk', 'acme', 'redrive-1'), fingerprint: requests[1]?.fingerprint });
    expect(requests.map((request) => request.id)).toEqual([requests[0]?.id, requests[0]?.id, newJobId('bulk', 'other', 'redrive-1')]);
    api.bulkActions.start = (asked) => Promise.resolve({ started: false, bulkAction: bulkActionOf(asked) });
    const replayed = await post({ action: 'retry', filter: {} }, key).expect(202);
    expect(replayed.headers).toMatchObject({ 'idempotency-replayed': 'true' });
    api.bulkActions.start = () => Promise.reject(new AppError('idempotency_key_reused', 'Used before.'));
    const reused = await post({ action: 'discard', filter: {} }, key).expect(422);
    expect(reused.body).toMatchObject({ code: 'idempotency_key_reused' });
  });

  test.each([
    ['an unknown action', { action: 'delete', filter: {} }, 'invalid_request', '/action'],
    ['no filter: all jobs must be asked for', { action: 'retry' }, 'invalid_request', '/filter'],
    ['an unknown filter', { action: 'retry', filter: { tenant: 'other' } }, 'invalid_request', '/filter/tenant'],
    ['an unknown type', { action: 'retry', filter: { type: "email' OR ''='" } }, 'invalid_request', '/filter/type'],
    ['a status that no action is for', { action: 'cancel', filter: { status: 'completed' } }, 'invalid_request', '/filter/status'],
    ['a retry of what is no dead letter', { action: 'retry', filter: { status: 'running' } }, 'invalid_filter', '/filter/status'],
    ['a discard of what is no dead letter', { action: 'discard', filter: { status: 'scheduled' } }, 'invalid_filter', '/filter/status'],
    ['a reason for what is no discard', { action: 'retry', filter: {}, reason: 'stale' }, 'invalid_request', '/reason'],
    ['a time that is none', { action: 'retry', filter: { createdAfter: 'yesterday' } }, 'invalid_request', '/filter/createdAfter'],
    ['a label key that is none', { action: 'retry', filter: { label: { 'a b': '' } } }, 'invalid_request', '/filter/label/a b'],
    ['no rate at all', { action: 'retry', filter: {}, ratePerSecond: 0 }, 'value_out_of_range', '/ratePerSecond'],
    ['too high a rate', { action: 'retry', filter: {}, ratePerSecond: 101 }, 'value_out_of_range', '/ratePerSecond'],
  ])('refuses %s', async (_what, body, code, pointer) => {
    const requests = starts();
    const response = await post(body).expect(400);
    expect(response.body).toMatchObject({ code, errors: [expect.objectContaining({ pointer })] });
    expect(requests).toEqual([]);
  });
});

describe('GET /v1/bulk-actions/{id}', () => {
  test('tells status, counts and progress', async () => {
    api.bulkActions.get = (tenant, asked) => Promise.resolve(tenant === 'acme' && asked === id ? bulkAction(half) : undefined);
    const response = await api.agent().get(`/v1/bulk-actions/${id}`).expect(200);
    expect(response.body).toMatchObject({ id, ...half, progress: { done: 5, total: 10 } });
    expect(response.headers).toMatchObject({ 'cache-control': 'no-store' });
  });

  test.each(['', '/pause', '/resume', '/abort'])("answers 404 for another tenant's and for an unknown one%s", async (path) => {
    const agent = api.agent(keys.other);
    const url = `/v1/bulk-actions/${id}${path}`;
    const response = await (path === '' ? agent.get(url) : agent.post(url)).expect(404);
    expect(response.body).toMatchObject({ code: 'not_found' });
  });
});

describe.each(['pause', 'resume', 'abort'] as const)('POST /v1/bulk-actions/{id}/%s', (name) => {
  test('answers 202 with the bulk action', async () => {
    const asked: string[][] = [];
    api.bulkActions[name] = (...one) => {
      asked.push(one);
      return Promise.resolve(bulkAction(half));
    };
    const response = await api.agent().post(`/v1/bulk-actions/${id}/${name}`).expect(202);
    expect(response.body).toMatchObject({ id, progress: { done: 5, total: 10 } });
    expect(asked).toEqual([['acme', id]]);
  });

  test('answers 409 when the bulk action has ended', async () => {
    api.bulkActions[name] = () => Promise.reject(new AppError('bulk_action_finished', 'The bulk action has ended.'));
    const response = await api.agent().post(`/v1/bulk-actions/${id}/${name}`).expect(409);
    expect(response.body).toMatchObject({ code: 'bulk_action_finished' });
  });

  test('takes no body', async () => {
    const response = await api.agent().post(`/v1/bulk-actions/${id}/${name}`).send({ force: true }).expect(400);
    expect(response.body).toMatchObject({ code: 'invalid_request', errors: [{ pointer: '/force' }] });
  });
});
