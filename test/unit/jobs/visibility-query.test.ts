import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';

import type { WorkflowType } from '../../../src/jobs/registry.ts';
import { listedStatuses, quoted, type VisibilityFilter, visibilityQuery } from '../../../src/jobs/visibility-query.ts';
import { expectOnlyThisTenant, hostile, parse } from '../../support/visibility-query.ts';

const workflows: readonly WorkflowType[] = ['sendEmail', 'generateReport'];

const time = fc.date({ min: new Date(0), max: new Date('2199-12-31'), noInvalidDate: true });

describe('the query builder', () => {
  test('always asks for exactly one tenant, and for jobs only, whatever the filter', () => {
    const filters: fc.Arbitrary<VisibilityFilter> = fc.record(
      {
        tenant: fc.stringMatching(/^[a-z0-9][a-z0-9_-]{0,62}$/),
        workflows: fc.subarray([...workflows], { minLength: 1 }),
        statuses: fc.subarray([...listedStatuses], { minLength: 1 }),
        labelHashes: fc.array(fc.stringMatching(/^[A-Za-z0-9_-]{22}$/), { maxLength: 8 }),
        createdAfter: time,
        createdBefore: time,
      },
      { requiredKeys: ['tenant', 'workflows'] },
    );
    fc.assert(
      fc.property(filters, (filter) => {
        expectOnlyThisTenant(visibilityQuery(filter), filter.tenant);
      }),
    );
  });

  test('lets no value out of its quotes: it is taken as it is, or refused', () => {
    const refused = (make: () => string, tenant: string): boolean => {
      let query: string;
      try {
        query = make();
      } catch {
        return true;
      }
      expectOnlyThisTenant(query, tenant);
      return false;
    };
    fc.assert(
      fc.property(hostile, (text) => {
        const fit = /^[A-Za-z0-9_.:-]{1,128}$/.test(text);
        const places: [VisibilityFilter, string][] = [
          [{ tenant: text, workflows }, text],
          [{ tenant: 'acme', workflows: [text as WorkflowType] }, 'acme'],
          [{ tenant: 'acme', workflows, labelHashes: ['ok', text] }, 'acme'],
        ];
        for (const [filter, tenant] of places) expect(refused(() => visibilityQuery(filter), tenant)).toBe(!fit);
      }),
      { numRuns: 500 },
    );
  });

  test('ignores a status that it does not know, and refuses to ask for none', () => {
    expect(() => visibilityQuery({ tenant: 'acme', workflows, statuses: [] })).toThrow('no status');
    expect(() => visibilityQuery({ tenant: 'acme', workflows: [] })).toThrow('no workflow');
    expect(() => visibilityQuery({ tenant: 'acme', workflows, statuses: ["x' OR ''='" as 'failed'] })).toThrow('no status');
    expect(() => visibilityQuery({ tenant: 'acme', workflows, createdAfter: new Date(NaN) })).toThrow();
    expect(() => visibilityQuery({ tenant: 'acme', workflows, createdAfter: new Date(Date.UTC(10_000)) })).toThrow('not fit');
  });

  test('writes the same query for the same filter, however it is ordered', () => {
    const one: VisibilityFilter = { tenant: 'acme', workflows, statuses: ['failed', 'running'], labelHashes: ['b', 'a', 'b'] };
    const other: VisibilityFilter = {
      ...one,
      workflows: [...workflows].reverse(),
      statuses: ['running', 'failed'],
      labelHashes: ['a', 'b'],
    };
    expect(visibilityQuery(one)).toBe(visibilityQuery(other));
  });

  test('combines all filters: any of the types and statuses, all of the labels, between the times', () => {
    const query = visibilityQuery({
      tenant: 'acme',
      workflows,
      statuses: ['scheduled', 'expired'],
      labelHashes: ['h1', 'h2'],
      createdAfter: new Date('2026-11-22T13:00:00+02:00'),
      createdBefore: new Date('2026-11-23T00:00:00Z'),
    });
    expect(query.split(' AND (')[0]).toBe("HandoffTenant = 'acme' AND WorkflowType IN ('generateReport', 'sendEmail')");
    expect(query).toContain(
      "((ExecutionStatus = 'Running' AND HandoffState = 'scheduled') OR (ExecutionStatus IN ('Failed') AND HandoffState = 'expired'))",
    );
    expect(query).toContain("HandoffLabels = 'h1' AND HandoffLabels = 'h2'");
    expect(query).toContain("StartTime >= '2026-11-22T11:00:00.000Z' AND StartTime < '2026-11-23T00:00:00.000Z'");
    expect(parse(query)).toHaveLength(7);
  });

  test.each(['', "'", 'a b', 'ä', 'a'.repeat(129), '\\', '"'])('refuses to quote %j', (value) => {
    expect(() => quoted(value)).toThrow('not fit');
  });
});
