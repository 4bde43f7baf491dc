import { describe, expect, test } from '@jest/globals';

import type { ChunkResult } from '../../../src/jobs/batch-chunk.ts';
import type { RetryOptions } from '../../../src/jobs/options.ts';
import { type BatchPlan, createBatchPlan, type Piece } from '../../../workflows/batch-plan.ts';

const hourMs = 3_600_000;
const planOf = (count: number, retry?: RetryOptions) =>
  createBatchPlan({ count, offsets: Array.from({ length: Math.ceil(count / 100) + 1 }, (_, index) => index) }, retry, undefined);
const result = (sent: number, changes: Partial<ChunkResult> = {}): ChunkResult => ({
  ...{ counts: { sent, failed: 0, suppressed: 0, inDoubt: 0 }, waiting: 0, retryInMs: 30_000, reached: 100, nextTurn: null },
  ...changes,
});
function taken(plan: BatchPlan, now = 0): Piece {
  const piece = plan.take(now);
  if (piece === undefined) throw new Error('nothing to take');
  return piece;
}

describe('the plan of a batch', () => {
  test('gives out each chunk once, in order, and is done when all have their outcome', () => {
    const plan = planOf(250);
    const pieces = [taken(plan), taken(plan), taken(plan)];
    expect([pieces.map(({ chunk }) => chunk), plan.take(0)]).toEqual([[0, 1, 2], undefined]);
    for (const [index, piece] of pieces.entries())
      plan.account(piece, result(index === 2 ? 50 : 100, { reached: index === 2 ? 50 : 100 }), 0);
    expect([plan.done(), plan.dueAt(), plan.counts]).toEqual([250, undefined, { sent: 250, failed: 0, suppressed: 0, inDoubt: 0 }]);
  });

  test('goes on first with a chunk that stopped in the middle, and counts nobody twice', () => {
    const plan = planOf(200);
    plan.account(taken(plan), result(40, { reached: 40 }), 0);
    const again = taken(plan);
    expect(again).toMatchObject({ chunk: 0, from: 40, round: 0 });
    plan.account(again, result(100), 0);
    expect([plan.done(), taken(plan).chunk]).toEqual([100, 1]);
  });

  test('tries those who are refused for now again in later rounds, not before their time, until a day has passed', () => {
    const plan = planOf(100);
    plan.account(taken(plan, 1_000), result(99, { waiting: 1, retryInMs: 300_000 }), 1_000);
    expect([plan.take(300_999), plan.dueAt(), plan.waiting()]).toEqual([undefined, 301_000, 1]);
    const second = taken(plan, 301_000);
    expect([second.round, plan.isLast(second, 301_000), plan.isLast(second, 1_000 + 24 * hourMs)]).toEqual([1, false, true]);
    plan.account(second, result(99, { waiting: 1, retryInMs: 600_000 }), 301_000);
    expect(plan.dueAt()).toBe(901_000);
    plan.account(taken(plan, 901_000), result(100), 901_000);
    expect([plan.done(), plan.dueAt()]).toEqual([100, undefined]);
  });

  test('keeps to the attempts and pauses that the job asked for', () => {
    const plan = planOf(100, { maximumAttempts: 3, initialIntervalSeconds: 2, backoffCoefficient: 3, maximumIntervalSeconds: 5 });
    const rounds: boolean[] = [];
    const dues: unknown[] = [];
    for (let now = 0; rounds.length < 3; now = plan.dueAt() ?? 0) {
      const piece = taken(plan, now);
      rounds.push(plan.isLast(piece, now));
      plan.account(piece, result(99, { waiting: 1 }), now);
      dues.push((plan.dueAt() ?? 0) - now);
    }
    expect([rounds, dues.slice(0, 2)]).toEqual([
      [false, false, true],
      [2_000, 5_000],
    ]);
  });

  test('gives a piece that failed out again at once', () => {
    const plan = planOf(100);
    const piece = taken(plan);
    plan.putBack(piece);
    expect(taken(plan)).toEqual(piece);
  });

  test('is the same in the next run, and small even when every chunk is open', () => {
    const plan = planOf(100_000);
    const pieces = Array.from({ length: 1_000 }, () => taken(plan));
    const now = Date.UTC(2100);
    for (const piece of pieces) plan.account(piece, result(99, { waiting: 1 }), now);
    const packed = plan.packed();
    expect(JSON.stringify(packed).length).toBeLessThan(64 * 1024);
    const next = createBatchPlan({ count: 100_000, offsets: Array.from({ length: 1_001 }, (_, index) => index) }, undefined, packed);
    expect([next.done(), next.dueAt(), next.packed()]).toEqual([99_000, now + 30_000, packed]);
  });
});
