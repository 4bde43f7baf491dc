import { describe, expect, jest, test } from '@jest/globals';
import { ApplicationFailure } from '@temporalio/common';
import { msToNumber } from '@temporalio/common/lib/time.js';

import { classified } from '../../../activities/failures.ts';
import { heartbeating } from '../../../activities/heartbeat.ts';
import { AppError, type AppErrorOptions, errorCodes } from '../../../src/errors.ts';
import { policies } from '../../../workflows/policies.ts';
import { runActivity } from '../../support/activity.ts';

const failureOf = async (error: unknown, attempt = 1) =>
  runActivity(() => classified(() => Promise.reject(error as Error)), { attempt }).result.catch((failure: unknown) => failure);

describe('a failure of ours', () => {
  test.each(errorCodes)('of code %s reaches Temporal with the code as its type and with our words', async (code) => {
    for (const retryable of [true, false]) {
      const failure = (await failureOf(new AppError(code, 'in our words', { retryable }))) as ApplicationFailure;
      expect(failure).toBeInstanceOf(ApplicationFailure);
      expect([failure.type, failure.message, failure.nonRetryable]).toEqual([code, 'in our words', !retryable]);
    }
  });

  const later = (options: AppErrorOptions) => new AppError('mail_refused_for_now', 'x', { retryable: true, ...options });
  const minutes = 60_000;
  const nothing = undefined as unknown;

  test.each([
    ['wrong settings of ours: slowly', new AppError('mail_configuration', 'x', { retryable: true }), [5, 5, 5].map((n) => n * minutes)],
    ['nothing is known: as the policy says', later({}), [nothing, nothing]],
    ['greylisting: 5 minutes and more', later({ patience: 'greylisted' }), [5, 10, 20, 40, 80, 120, 120].map((n) => n * minutes)],
    ['a full mailbox: hours', later({ patience: 'mailbox_full' }), [60, 120, 240, 480, 480].map((n) => n * minutes)],
    ['a time that is asked for', later({ retryAfterSeconds: 30 }), [30_000, 30_000]],
    ['a time that is absurd: two hours', later({ retryAfterSeconds: 1e9 }), [120 * minutes]],
    ['a refusal for good: never', new AppError('mail_rejected', 'x', { patience: 'greylisted' }), [nothing]],
  ])('is tried again after %s', async (_, error, pauses) => {
    const found = [];
    for (let attempt = 1; attempt <= pauses.length; attempt += 1)
      found.push(((await failureOf(error, attempt)) as ApplicationFailure).nextRetryDelay ?? undefined);
    expect(found).toEqual(pauses);
  });

  test('is tried again when the job says, if it says when, but for wrong settings', async () => {
    const delayOf = async (error: AppError) => {
      const run = () =>
        classified(
          () => Promise.reject(error),
          () => ({ ownPauses: true }),
        );
      const failure = await runActivity(run).result.catch((thrown: unknown) => thrown);
      return (failure as ApplicationFailure).nextRetryDelay ?? undefined;
    };
    expect(await delayOf(later({ patience: 'greylisted' }))).toBeUndefined();
    expect(await delayOf(new AppError('mail_configuration', 'x', { retryable: true }))).toBe(5 * minutes);
  });

  test('tells the number of the attempt, for whoever looks at a dead letter', async () => {
    const failure = (await failureOf(new AppError('mail_refused_for_now', 'x', { retryable: true }), 7)) as ApplicationFailure;
    expect(failure.details?.[1]).toEqual({ attempt: 7 });
  });

  test('carries no cause: that may quote secrets, and would stay in the history', async () => {
    const cause = new Error('password=hunter2');
    expect(((await failureOf(new AppError('mail_rejected', 'x', { cause }))) as Error).cause).toBeUndefined();
  });
});

test.each([
  new TypeError('x is undefined'),
  ApplicationFailure.nonRetryable('x', 'y'),
  Object.assign(new Error('abort'), { name: 'AbortError' }),
])('%p goes on as it is, to be retried as the policy says', async (error) => {
  expect(await failureOf(error)).toBe(error);
});

test('work that succeeds gives its result', async () => {
  await expect(classified(() => Promise.resolve(7))).resolves.toBe(7);
});

describe('the heartbeat', () => {
  test('goes on by itself, at least five times in the shortest time-out of all policies, and ends with the work', async () => {
    jest.useFakeTimers();
    try {
      const shortest = Math.min(...Object.values(policies).map((policy) => msToNumber(policy.heartbeatTimeout)));
      let finish = (): void => undefined;
      const { result, beats } = runActivity(() =>
        heartbeating(
          () =>
            new Promise<void>((resolve) => {
              finish = resolve;
            }),
        ),
      );
      await jest.advanceTimersByTimeAsync(shortest);
      expect(beats.length).toBeGreaterThanOrEqual(5);
      finish();
      await result;
      expect(jest.getTimerCount()).toBe(0);
    } finally {
      jest.useRealTimers();
    }
  });

  test('ends when the work fails, too', async () => {
    jest.useFakeTimers();
    try {
      const { result } = runActivity(() => heartbeating(() => Promise.reject(new Error('broken'))));
      await expect(result).rejects.toThrow('broken');
      expect(jest.getTimerCount()).toBe(0);
    } finally {
      jest.useRealTimers();
    }
  });

  test('repeats the last progress', async () => {
    jest.useFakeTimers();
    try {
      const progress = { done: 1, total: 2, unit: 'rows', stage: 'x' };
      const { beats } = runActivity(() =>
        heartbeating(({ report }) => {
          report(progress);
          return new Promise(() => undefined);
        }),
      );
      await jest.advanceTimersByTimeAsync(6_000);
      expect(beats.slice(0, 3)).toEqual([progress, progress, progress]);
    } finally {
      jest.clearAllTimers();
      jest.useRealTimers();
    }
  });
});
