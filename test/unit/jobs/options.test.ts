import { describe, expect, test } from '@jest/globals';

import { changedOptions, jobOptions, startTimeOf } from '../../../src/jobs/options.ts';

const now = Date.parse('2026-11-22T12:00:00.000Z');
const century = 100 * 365 * 86_400;
const at = (offsetMs: number) => new Date(now + offsetMs).toISOString();

describe('the options of a submission', () => {
  test.each([
    [{}],
    [{ delaySeconds: 0 }],
    [{ delaySeconds: 0.5 }],
    [{ delaySeconds: century }],
    [{ startAt: '2026-11-22T12:00:00Z' }],
    [{ startAt: '2026-11-22T12:00:00.123+05:30' }],
    [{ ttlSeconds: 1 }],
    [{ ttlSeconds: century }],
    [{ priority: 1 }],
    [{ priority: 5 }],
    [{ labels: {} }],
    [{ labels: { order: '42', 'shop.eu-1_a': '', x: 'a=b:c "d" \\ Grüße' } }],
    [{ labels: { ['k'.repeat(63)]: 'v'.repeat(256) } }],
    [{ labels: Object.fromEntries(Array.from({ length: 8 }, (_, index) => [`k${String(index)}`, ''])) }],
    [{ retry: {} }],
    [{ retry: { maximumAttempts: 100, initialIntervalSeconds: 3_600, backoffCoefficient: 10, maximumIntervalSeconds: 86_400 } }],
    [{ retry: { maximumAttempts: 1, initialIntervalSeconds: 0.1, backoffCoefficient: 1, maximumIntervalSeconds: 0.1 } }],
  ])('may be %j', (options) => {
    expect(jobOptions.parse(options)).toEqual(options);
  });

  test.each([
    [{ delaySeconds: -1 }, 'delaySeconds'],
    [{ delaySeconds: century + 1 }, 'delaySeconds'],
    [{ delaySeconds: '5' }, 'delaySeconds'],
    [{ delaySeconds: NaN }, 'delaySeconds'],
    [{ delaySeconds: Infinity }, 'delaySeconds'],
    [{ startAt: 'tomorrow' }, 'startAt'],
    [{ startAt: '2026-11-22' }, 'startAt'],
    [{ startAt: '2026-11-22T12:00:00' }, 'startAt'],
    [{ startAt: '2026-02-30T12:00:00Z' }, 'startAt'],
    [{ startAt: 1_795_348_800_000 }, 'startAt'],
    [{ startAt: at(60_000), delaySeconds: 60 }, 'delaySeconds'],
    [{ ttlSeconds: 0 }, 'ttlSeconds'],
    [{ ttlSeconds: -5 }, 'ttlSeconds'],
    [{ ttlSeconds: 1.5 }, 'ttlSeconds'],
    [{ ttlSeconds: 1e300 }, 'ttlSeconds'],
    [{ ttlSeconds: null }, 'ttlSeconds'],
    [{ priority: 0 }, 'priority'],
    [{ priority: 6 }, 'priority'],
    [{ priority: 2.5 }, 'priority'],
    [{ labels: Object.fromEntries(Array.from({ length: 9 }, (_, index) => [`k${String(index)}`, ''])) }, 'labels'],
    [{ labels: { '': 'x' } }, 'labels'],
    [{ labels: { ['k'.repeat(64)]: 'x' } }, 'labels'],
    [{ labels: { 'a=b': 'x' } }, 'labels'],
    [{ labels: { 'a:b': 'x' } }, 'labels'],
    [{ labels: { a: 'v'.repeat(257) } }, 'labels'],
    [{ labels: { a: 'one\ntwo' } }, 'labels'],
    [{ labels: { a: 1 } }, 'labels'],
    [{ labels: ['a'] }, 'labels'],
    [{ retry: { maximumAttempts: 0 } }, 'retry'],
    [{ retry: { maximumAttempts: 101 } }, 'retry'],
    [{ retry: { initialIntervalSeconds: 0.05 } }, 'retry'],
    [{ retry: { backoffCoefficient: 0.5 } }, 'retry'],
    [{ retry: { maximumIntervalSeconds: 86_401 } }, 'retry'],
    [{ retry: { initialIntervalSeconds: 60, maximumIntervalSeconds: 59 } }, 'retry'],
    [{ retry: { for: 'ever' } }, 'retry'],
  ])('may not be %j', (options, field) => {
    const { error } = jobOptions.safeParse(options);
    expect(new Set(error?.issues.map(({ path }) => path[0]))).toEqual(new Set([field]));
  });

  test('may not have an unknown field', () => {
    expect(jobOptions.safeParse({ colour: 'red' }).error?.issues).toMatchObject([{ code: 'unrecognized_keys', keys: ['colour'] }]);
  });
});

describe('the options of a change', () => {
  test('have the same limits, no retry, and may take the expiry away', () => {
    expect(changedOptions.parse({ ttlSeconds: null })).toEqual({ ttlSeconds: null });
    for (const options of [{ ttlSeconds: 0 }, { priority: 9 }, { delaySeconds: -1 }, { retry: {} }, { startAt: at(1), delaySeconds: 1 }])
      expect(changedOptions.safeParse(options).success).toBe(false);
  });
});

describe('the start time', () => {
  test.each([
    ['none was asked for', {}, undefined],
    ['now', { delaySeconds: 0 }, undefined],
    ['in a minute', { delaySeconds: 60 }, now + 60_000],
    ['in a fraction of a millisecond: rounded up, so that it lies ahead', { delaySeconds: 1e-9 }, now + 1],
    ['as late as can be', { delaySeconds: century }, now + century * 1000],
    ['a time ahead, with an offset', { startAt: '2026-11-22T14:00:01+02:00' }, now + 1_000],
    ['this very moment', { startAt: at(0) }, undefined],
    ['a moment ago, by a clock that is not quite ours', { startAt: at(-10_000) }, undefined],
    ['as late as can be, as a time', { startAt: at(century * 1000) }, now + century * 1000],
  ])('%s', (_what, options, expected) => {
    expect(startTimeOf(options, now)?.getTime()).toBe(expected);
  });

  test.each([
    [at(-10_001), 'start_in_past'],
    ['0000-01-01T00:00:00Z', 'start_in_past'],
    [at(century * 1000 + 1), 'value_out_of_range'],
    ['9999-12-31T23:59:59Z', 'value_out_of_range'],
  ])('%s is refused: %s', (startAt, code) => {
    expect(() => startTimeOf({ startAt }, now)).toThrow(
      expect.objectContaining({ code, errors: [expect.objectContaining({ pointer: '/options/startAt' })] }),
    );
    expect(() => startTimeOf({ startAt }, now, '/request/options')).toThrow(
      expect.objectContaining({ errors: [expect.objectContaining({ pointer: '/request/options/startAt' })] }),
    );
  });
});
