import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';

import { createLine, type Grant, type Line, longestLine } from '../../../workflows/line.ts';

const prefix = 'email_abcdef';
const idOf = (index: number) => prefix + String(index).padStart(20, 'a');

function lineOf(limit: number, carried: readonly string[] = [], now = 0): Line {
  return createLine({ prefix, limit, carried, now });
}

function granted(line: Line): string[] {
  const jobs: string[] = [];
  for (let grant = line.next(0); grant !== undefined; grant = line.next(0)) jobs.push(grant.job);
  return jobs;
}

/** What can happen to a line, and a plain model of it beside. */
type Event =
  | { kind: 'acquire'; job: number; priority: number }
  | { kind: 'release'; job: number }
  | { kind: 'limit'; limit: number }
  | { kind: 'next' }
  | { kind: 'takeBack'; grant: number }
  | { kind: 'carry' };

const job = fc.nat({ max: 12 });
const event: fc.Arbitrary<Event> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('acquire' as const), job, priority: fc.integer({ min: 1, max: 5 }) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('release' as const), job }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('limit' as const), limit: fc.oneof(fc.nat({ max: 5 }), fc.constant(Infinity)) }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('next' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('takeBack' as const), grant: fc.nat({ max: 20 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('carry' as const) }) },
);

interface Waiter {
  job: string;
  priority: number;
}

describe('the line of a limit', () => {
  test('never gives more places than the limit, none twice, loses nobody and keeps the order, whatever happens', () => {
    fc.assert(
      fc.property(fc.nat({ max: 4 }), fc.array(event, { maxLength: 120 }), (start, events) => {
        let line = lineOf(start);
        let limit = start;
        const holders = new Set<string>();
        const again = new Set<string>();
        let waiters: Waiter[] = [];
        let grants: Grant[] = [];
        const leave = (id: string) => {
          holders.delete(id);
          again.delete(id);
          waiters = waiters.filter((one) => one.job !== id);
        };
        for (const happened of events) {
          let isRight = true;
          if (happened.kind === 'acquire') {
            const id = idOf(happened.job);
            line.acquire(id, happened.priority);
            if (holders.has(id)) again.add(id);
            else if (!waiters.some((one) => one.job === id)) waiters.push({ job: id, priority: happened.priority });
          } else if (happened.kind === 'release') {
            line.release(idOf(happened.job));
            leave(idOf(happened.job));
          } else if (happened.kind === 'limit') line.limit = limit = happened.limit;
          else if (happened.kind === 'carry') {
            line = lineOf(limit, line.carried());
            grants = [];
          } else if (happened.kind === 'takeBack') {
            const grant = grants[happened.grant];
            // Of a place that was given back and given again only the present one counts.
            const isPresent = grant !== undefined && holders.has(grant.job) && grants.findLast((one) => one.job === grant.job) === grant;
            if (grant) line.takeBack(grant);
            if (isPresent) leave(grant.job);
          } else {
            const grant = line.next(0);
            const [first] = waiters.toSorted((one, other) => one.priority - other.priority);
            const mayGoOn = holders.size < limit ? first?.job : undefined;
            // Who must be told again comes first, and takes no further place.
            isRight = again.size > 0 ? again.has(grant?.job ?? '') : grant?.job === mayGoOn;
            if (grant !== undefined && !again.delete(grant.job)) {
              waiters = waiters.filter((one) => one !== first);
              holders.add(grant.job);
              grants.push(grant);
            }
          }
          expect([isRight, line.holding, line.waiting]).toEqual([true, holders.size, waiters.length]);
          const ordered = waiters.toSorted((one, other) => one.priority - other.priority);
          for (const [ahead, one] of ordered.entries()) expect(line.standingOf(one.job).ahead).toBe(ahead);
        }
      }),
      { numRuns: 400 },
    );
  });

  test('a raised limit lets those who wait go on, a lowered one nobody until enough have left, and none means all', () => {
    const line = lineOf(1);
    for (const index of [1, 2, 3, 4, 5]) line.acquire(idOf(index), 3);
    expect(granted(line)).toEqual([idOf(1)]);
    line.limit = 3;
    expect(granted(line)).toEqual([idOf(2), idOf(3)]);
    line.limit = 1;
    line.release(idOf(1));
    line.release(idOf(2));
    expect(granted(line)).toEqual([]);
    line.limit = 0;
    line.release(idOf(3));
    expect(granted(line)).toEqual([]);
    line.limit = Infinity;
    expect(granted(line)).toEqual([idOf(4), idOf(5)]);
    expect(line.standingOf(idOf(4))).toEqual({ limit: null, holding: 2, waiting: 0, ahead: null });
  });

  test('looks at places in turn, and only at those that were given a while ago', () => {
    const line = lineOf(3);
    for (const index of [1, 2, 3]) line.acquire(idOf(index), 3);
    for (const now of [10, 20, 30]) line.next(now);
    const jobs = (before: number) => line.heldSince(before, 1).map((grant) => grant.job);
    expect([jobs(5), jobs(25), jobs(25), jobs(25)]).toEqual([[], [idOf(1)], [idOf(2)], [idOf(1)]]);
  });

  test('ignores ids that cannot be those of its jobs, and wild priorities go to the nearest', () => {
    const line = lineOf(9);
    for (const id of ['', 'x', prefix, `report_abcdef${'a'.repeat(20)}`, `${idOf(1)}b`]) line.acquire(id, 3);
    expect(line.waiting).toBe(0);
    for (const [index, priority] of [99, -5, 2.4, 2].entries()) line.acquire(idOf(index), priority);
    expect(granted(line)).toEqual([idOf(1), idOf(2), idOf(3), idOf(0)]);
  });
});

describe('what a line hands to the next run', () => {
  test('is below 64 KiB in each payload, and far below the 2 MiB of all, with as many jobs as it takes', () => {
    const line = lineOf(700);
    for (let index = 0; index < longestLine + 10; index += 1) {
      line.acquire(idOf(index), 1 + (index % 5));
      if (index < 700) line.next(0);
    }
    // Those beyond are not taken, and ask again later.
    expect(line.holding + line.waiting).toBe(longestLine);
    expect(line.standingOf(idOf(longestLine + 5)).ahead).toBeNull();
    const parts = line.carried();
    const sizes = parts.map((part) => JSON.stringify(part).length);
    expect(Math.max(...sizes)).toBeLessThan(64 * 1024);
    expect(sizes.reduce((sum, size) => sum + size)).toBeLessThan(512 * 1024);
    const next = lineOf(700, parts);
    expect(next.carried()).toEqual(parts);
    expect(next.standingOf(idOf(longestLine - 1))).toEqual(line.standingOf(idOf(longestLine - 1)));
    line.release(idOf(0));
    line.acquire(idOf(longestLine + 5), 1);
    expect(line.standingOf(idOf(longestLine + 5)).ahead).not.toBeNull();
  });
});
