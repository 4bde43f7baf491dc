import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import express, { type Request } from 'express';
import fc from 'fast-check';

import { AppError } from '../../../src/errors.ts';
import { bulkRequest, orderOf } from '../../../src/http/bulk-request.ts';
import { countQuery, filterOf, listQuery, queryOf } from '../../../src/http/job-filters.ts';
import { validated } from '../../../src/http/validation.ts';
import { createBulkJobs } from '../../../src/jobs/bulk-jobs.ts';
import { createJobLists } from '../../../src/jobs/job-lists.ts';
import type { TemporalCalls } from '../../../src/jobs/temporal-calls.ts';
import { tenantKeys } from '../../support/api.ts';
import { filesBelow } from '../../support/files-below.ts';
import { expectOnlyThisTenant, hostile } from '../../support/visibility-query.ts';

/** What Temporal would have been asked. */
const queries: string[] = [];
const client = {
  options: { namespace: 'default' },
  workflow: { count: (query: string) => Promise.resolve({ count: queries.push(query) }) },
  workflowService: {
    listWorkflowExecutions: ({ query }: { query: string }) => {
      queries.push(query);
      return Promise.resolve({ executions: [], nextPageToken: new Uint8Array() });
    },
  },
};
const look: TemporalCalls['look'] = (run) => run(client as never);
const lists = createJobLists({ look }, tenantKeys);
const bulkJobs = createBulkJobs({ call: look, look });

/** @returns how many queries there were: none for a request that was refused. */
async function asked(ask: () => Promise<unknown>): Promise<number> {
  queries.length = 0;
  try {
    await ask();
  } catch (error) {
    expect(error).toBeInstanceOf(AppError);
    expect((error as AppError).code).toMatch(/^(invalid_filter|invalid_cursor|value_out_of_range|invalid_request)$/);
    expect(queries).toEqual([]);
  }
  for (const query of queries) expectOnlyThisTenant(query, 'acme');
  return queries.length;
}

const requestFor = (query: [string, string][]) =>
  Object.assign(Object.create(express.request), { originalUrl: `/v1/jobs?${new URLSearchParams(query).toString()}` }) as Request;
const usual = {
  type: 'email',
  status: 'failed',
  label: 'order:42',
  createdAfter: '2026-11-22T12:00:00Z',
  createdBefore: '2026-11-23T12:00:00Z',
};
const names = [...Object.keys(usual), 'limit', 'cursor', 'tenant', 'query', "type' OR '"];

describe('whatever a caller puts into a filter', () => {
  test('a list and its counts ask for the jobs of the own tenant only, or for nothing', async () => {
    const value = fc.oneof(
      hostile,
      hostile.map((text) => `order:${text}`),
      hostile.map((text) => `2026-11-22T12:00:00Z${text}`),
      fc.constantFrom(...Object.values(usual)),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(fc.constantFrom(...names), value), { maxLength: 4 }), async (query) => {
        const request = requestFor(query);
        await asked(async () => {
          const { limit, cursor, ...filter } = queryOf(listQuery, request);
          await lists.list('acme', filterOf(filter), { limit, ...(cursor !== undefined && { cursor }) });
        });
        await asked(() => lists.count('acme', filterOf(queryOf(countQuery, request))));
      }),
      { numRuns: 200 },
    );
  });

  test('a value of a label is taken as it is, and never gets into a query', async () => {
    await fc.assert(
      fc.asyncProperty(hostile, async (text) => {
        const request = requestFor([['label', `order:${text}`]]);
        await asked(() => lists.list('acme', filterOf(queryOf(listQuery, request)), { limit: 1 }));
        const inside = /'(?<hash>[\w-]{22})'$/.exec(queries[0] ?? '')?.groups?.['hash'];
        expect(queries.length === 0 || inside !== undefined).toBe(true);
      }),
    );
    expect(await asked(() => lists.list('acme', { labels: [{ key: 'order', value: "' OR HandoffTenant != 'acme" }] }, { limit: 1 }))).toBe(
      1,
    );
  });

  test('a bulk action asks for the jobs of the own tenant only, or for nothing', async () => {
    const filter = fc.record(
      {
        type: fc.oneof(hostile, fc.constant('email')),
        status: fc.oneof(hostile, fc.constant('running')),
        label: fc.dictionary(fc.oneof(hostile, fc.constant('order')), hostile, { maxKeys: 2 }),
        createdAfter: fc.oneof(hostile, fc.constant(usual.createdAfter)),
        tenant: hostile,
      },
      { requiredKeys: [] },
    );
    await fc.assert(
      fc.asyncProperty(filter, async (given) => {
        await asked(async () => {
          const order = await orderOf(validated(bulkRequest, { action: 'cancel', filter: given }), 'acme', tenantKeys);
          await bulkJobs.count(order);
          await bulkJobs.page({ ...order, pageToken: '', pageSize: 10 });
        });
      }),
      { numRuns: 200 },
    );
    expect(
      await asked(async () => {
        const order = await orderOf(
          validated(bulkRequest, { action: 'cancel', filter: { label: { order: "' OR ''='" } } }),
          'acme',
          tenantKeys,
        );
        await bulkJobs.count(order);
      }),
    ).toBe(1);
  });
});

test('a value gets between quotes of a query in one place only', async () => {
  const sources = (await filesBelow('src/jobs')).filter((path) => path.endsWith('.ts'));
  const quoting = sources.filter((path) => readFileSync(`src/jobs/${path}`, 'utf8').includes("'${"));
  expect(quoting).toEqual(['visibility-query.ts']);
});
