import { afterEach, describe, expect, test } from '@jest/globals';
import { type Client, ServiceError } from '@temporalio/client';

import { createJobLists } from '../../../src/jobs/job-lists.ts';
import { createTemporalCalls, type TemporalCalls } from '../../../src/jobs/temporal-calls.ts';
import { tenantKeys } from '../../support/api.ts';

let calls: TemporalCalls | undefined;
afterEach(() => {
  calls?.close();
});

/** What the native connection throws when Temporal limits the rate until the deadline. */
const rateLimited = Object.assign(new ServiceError('namespace rate limit exceeded'), { code: 8, details: '', metadata: {} });

function listsOf(workflowService: object, workflow: object = {}) {
  const client = {
    options: { namespace: 'default' },
    withDeadline: (_deadline: number, run: () => Promise<unknown>) => run(),
    workflow,
    workflowService: { getSystemInfo: () => Promise.resolve({}), ...workflowService },
  } as unknown as Client;
  const made = createTemporalCalls(() => client);
  calls = made;
  return { lists: createJobLists(made, tenantKeys), calls: made };
}

describe('when Temporal limits the rate of lists', () => {
  const limited = () => Promise.reject(rateLimited);
  const unavailable = { code: 'temporal_unavailable', retryable: true, retryAfterSeconds: 5, message: expect.stringContaining('no lists') };

  test.each([
    ['a list', 'list'],
    ['a count', 'count'],
  ] as const)('%s says to come back later, and single jobs are still read', async (_what, name) => {
    const { lists, calls } = listsOf({ listWorkflowExecutions: limited }, { count: limited });
    const asking = name === 'list' ? lists.list('acme', {}, { limit: 1 }) : lists.count('acme', {});
    await expect(asking).rejects.toMatchObject(unavailable);
    calls.assertReachable();
    await expect(calls.call(() => Promise.resolve('a job'))).resolves.toBe('a job');
  });
});

test('a cursor leads to the page that Temporal named, and only for the same filter', async () => {
  const asked: { query: string; nextPageToken?: Uint8Array; pageSize: number }[] = [];
  const { lists } = listsOf({
    listWorkflowExecutions: (request: (typeof asked)[number]) => {
      asked.push(request);
      return Promise.resolve({ executions: [], nextPageToken: asked.length === 1 ? Buffer.from('page 2') : new Uint8Array() });
    },
  });
  const filter = { types: ['email'], labels: [{ key: 'order', value: '42' }] };
  const { nextCursor } = await lists.list('acme', filter, { limit: 2 });
  const cursor = String(nextCursor);
  await expect(lists.list('acme', filter, { limit: 3, cursor })).resolves.toEqual({ items: [], nextCursor: null });
  expect(asked.map(({ pageSize, nextPageToken }) => [pageSize, Buffer.from(nextPageToken ?? []).toString()])).toEqual([
    [2, ''],
    [3, 'page 2'],
  ]);
  expect(asked[1]?.query).toBe(asked[0]?.query);
  const others = [
    { ...filter, types: ['report'] },
    { ...filter, labels: [] },
    { ...filter, statuses: ['failed'] as const },
  ];
  for (const other of others) {
    await expect(lists.list('acme', other, { limit: 2, cursor })).rejects.toMatchObject({ code: 'invalid_cursor' });
  }
  await expect(lists.list('other', filter, { limit: 2, cursor })).rejects.toMatchObject({ code: 'invalid_cursor' });
  expect(asked).toHaveLength(2);
});

test('labels reach Temporal only as hashes', async () => {
  let query = '';
  const { lists } = listsOf({
    listWorkflowExecutions: (request: { query: string }) => {
      query = request.query;
      return Promise.resolve({ executions: [], nextPageToken: new Uint8Array() });
    },
  });
  await lists.list('acme', { labels: [{ key: 'customer', value: "ada' OR HandoffTenant = 'other" }] }, { limit: 1 });
  expect(query).toMatch(/HandoffLabels = '[A-Za-z0-9_-]{22}'$/);
  expect(query).not.toContain('ada');
});
