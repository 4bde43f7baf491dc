import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';

import { createMemoryLeases } from '../../../src/limits/memory-leases.ts';
import { createRequestBudgets, type LeaseSource, type RequestBudgets } from '../../../src/limits/request-budgets.ts';

const minute = 60_000;
const time = { now: 1_000 * minute };
const now = () => time.now;

/** A source that counts, and can be away. */
function observed(source: LeaseSource = createMemoryLeases()) {
  const seen = { asked: 0, away: false };
  const lease: LeaseSource['lease'] = (request) => {
    seen.asked++;
    return seen.away ? Promise.reject(new Error('away')) : source.lease(request);
  };
  return { seen, source: { lease } };
}

async function takes(budgets: RequestBudgets, count: number, limit: number, subject = 'acme'): Promise<number> {
  const standings = await Promise.all(Array.from({ length: count }, () => budgets.take('requests', subject, limit)));
  return standings.filter(({ allowed }) => allowed).length;
}

describe('requests in a minute', () => {
  test('are allowed up to the limit exactly, and again in the next minute', async () => {
    const budgets = createRequestBudgets(createMemoryLeases(), now);
    expect(await takes(budgets, 150, 100)).toBe(100);
    expect(await takes(budgets, 10, 100, 'other')).toBe(10);
    time.now += minute;
    expect(await takes(budgets, 150, 100)).toBe(100);
  });

  test('are told: how many are left, and for how long', async () => {
    const budgets = createRequestBudgets(createMemoryLeases(), now);
    time.now = 2_000 * minute + 29_001;
    expect(await budgets.take('requests', 'acme', 3)).toEqual({ allowed: true, limit: 3, remaining: 2, resetSeconds: 31 });
    expect(budgets.used('requests', 'acme')).toBe(1);
    await takes(budgets, 5, 3);
    expect(await budgets.take('requests', 'acme', 3)).toEqual({ allowed: false, limit: 3, remaining: 0, resetSeconds: 31 });
    expect(budgets.used('requests', 'acme')).toBe(3);
  });

  test('ask for a lease now and then, and not once more when nothing is left', async () => {
    const { seen, source } = observed();
    const budgets = createRequestBudgets(source, now);
    for (let i = 0; i < 10_000; i++) await budgets.take('requests', 'acme', 10_000);
    expect(seen.asked).toBeLessThan(200);
    const before = seen.asked;
    expect(await takes(budgets, 1_000, 10_000)).toBe(0);
    expect(seen.asked).toBe(before);
  });

  test('count at once against a limit that was raised or lowered', async () => {
    const budgets = createRequestBudgets(createMemoryLeases(), now);
    expect(await takes(budgets, 20, 10)).toBe(10);
    expect(await takes(budgets, 20, 15)).toBe(5);
    expect(await takes(budgets, 20, 12)).toBe(0);
  });

  test('go on under a limit that was lowered, as far as it goes', async () => {
    const budgets = createRequestBudgets(createMemoryLeases(), now);
    time.now = 1_500 * minute;
    expect(await takes(budgets, 5, 120_000)).toBe(5);
    const standing = await budgets.take('requests', 'acme', 10);
    expect(standing).toMatchObject({ allowed: true, remaining: 4 });
    expect(await takes(budgets, 20, 10)).toBe(4);
  });
});

describe('processes that share a budget', () => {
  test.each([1, 7, 100, 1_000])('together never use more than the limit of %d, and nothing is left over when all ask', async (limit) => {
    const source = createMemoryLeases();
    const processes = Array.from({ length: 4 }, () => createRequestBudgets(source, now));
    const allowed = await Promise.all(processes.map((process) => takes(process, limit, limit)));
    expect(allowed.reduce((sum, one) => sum + one, 0)).toBe(limit);
  });

  test('never use more, whichever asks when, and hold back at most a twentieth each when the others have stopped', async () => {
    const property = fc.asyncProperty(
      fc.integer({ min: 1, max: 400 }),
      fc.array(fc.record({ at: fc.nat(2), count: fc.integer({ min: 1, max: 60 }), pause: fc.nat(4_000) }), { maxLength: 25 }),
      async (limit, steps) => {
        const [source, start] = [createMemoryLeases(), Math.ceil(time.now / minute) * minute];
        time.now = start;
        const processes = [0, 1, 2].map(() => createRequestBudgets(source, now));
        let used = 0;
        for (const { at, count, pause } of steps) {
          used += await takes(processes[at] as RequestBudgets, count, limit);
          time.now = Math.min(time.now + pause, start + minute - 1);
        }
        const last = await takes(processes[0] as RequestBudgets, limit, limit);
        expect(used + last).toBeLessThanOrEqual(limit);
        expect(used + last).toBeGreaterThanOrEqual(limit - 2 * 1.5 * Math.ceil(limit / 20) - 2);
      },
    );
    await fc.assert(property, { seed: 5, numRuns: 200 });
  });
});

describe('while leases cannot be had', () => {
  test('a process goes on with a quarter of the limit, and comes back by itself', async () => {
    const { seen, source } = observed();
    const budgets = createRequestBudgets(source, now);
    time.now = 3_000 * minute;
    seen.away = true;
    expect(await takes(budgets, 100, 100)).toBe(25);
    seen.away = false;
    time.now += 1_000;
    // Nobody waits for the attempt.
    expect(await takes(budgets, 1, 100)).toBe(0);
    expect(await takes(budgets, 200, 100)).toBe(100);
  });

  test('asks once a second, however many requests there are', async () => {
    const { seen, source } = observed();
    const budgets = createRequestBudgets(source, now);
    seen.away = true;
    for (let second = 0; second < 5; second++) {
      await takes(budgets, 100, 1_000);
      time.now += 1_000;
    }
    expect(seen.asked).toBeLessThanOrEqual(6);
  });
});
