import { describe, expect, test } from '@jest/globals';
import { ActivityFailure, ApplicationFailure, type RetryState } from '@temporalio/common';

import type { FailureFacts } from '../../../activities/failures.ts';
import { again } from '../../../workflows/again.ts';

const hourMs = 3_600_000;

function ended(type: string, facts: Omit<FailureFacts, 'attempt'>, retryState: RetryState = 'MAXIMUM_ATTEMPTS_REACHED'): ActivityFailure {
  const cause = ApplicationFailure.create({ type, message: 'x', details: [undefined, { attempt: 3, ...facts }] });
  return new ActivityFailure('Activity task failed', 'deliverEmail', '1', retryState, 'worker', cause);
}

const after = (hours: number) => Date.now() - hours * hourMs;

describe('a step whose attempts are used up', () => {
  test('has those again that our own settings cost it, and waits for them to be mended', () => {
    const next = again('deliverEmail', ended('mail_configuration', { uncounted: 2 }), after(1));
    expect(next).toMatchObject({ afterMs: 300_000, maximumAttempts: 2 });
    expect(next?.scheduleToCloseMs).toBeLessThan(23 * hourMs);
  });

  test('has none again after a day', () => {
    expect(again('deliverEmail', ended('mail_configuration', { uncounted: 2 }), after(24))).toBeUndefined();
  });

  test('has failed when all of them counted', () => {
    expect(again('deliverEmail', ended('mail_refused_for_now', {}), after(0))).toBeUndefined();
    expect(again('deliverEmail', new Error('no activity'), after(0))).toBeUndefined();
  });
});

describe('a full mailbox', () => {
  const full = ended('mail_refused_for_now', { patience: 'mailbox_full' }, 'TIMEOUT');

  test('has four days, a call each', () => {
    expect(again('deliverEmail', full, after(24))).toEqual({
      afterMs: 4 * hourMs,
      maximumAttempts: undefined,
      scheduleToCloseMs: 24 * hourMs,
    });
    expect(again('deliverEmail', full, after(80))?.scheduleToCloseMs).toBeLessThanOrEqual(12 * hourMs);
    expect(again('deliverEmail', full, after(96))).toBeUndefined();
  });

  test('has no more attempts than the job asked for', () => {
    expect(again('deliverEmail', ended('mail_refused_for_now', { patience: 'mailbox_full' }), after(1))).toBeUndefined();
  });

  test.each(['mail_refused_for_now', 'mail_configuration'])('is the only reason to go on after a day, not %s', (code) => {
    expect(again('deliverEmail', ended(code, {}, 'TIMEOUT'), after(24))).toBeUndefined();
  });
});
