import { describe, expect, test } from '@jest/globals';
import {
  ActivityFailure,
  ApplicationFailure,
  CancelledFailure,
  DefaultFailureConverter,
  defaultPayloadConverter,
  type RetryState,
  TimeoutFailure,
  type TimeoutType,
} from '@temporalio/common';

import { unexplained } from '../../../src/jobs/job-error.ts';
import { attemptsOf, foundNoWorker, isExhausted, reasonClassOf, replyOf } from '../../../workflows/failure.ts';

const refused = (attempt = 3) =>
  ApplicationFailure.create({ type: 'mail_refused_for_now', message: '451 later', details: [undefined, { attempt }] });

/** As Temporal gives it: the SDK keeps the cause of a time-out only in the raw failure. */
function timedOut(timeoutType: TimeoutType, before?: Error): TimeoutFailure {
  const converter = new DefaultFailureConverter();
  const failure = new TimeoutFailure(`activity ${String(timeoutType)} timeout`, undefined, timeoutType);
  if (before !== undefined) failure.failure = { cause: converter.errorToFailure(before, defaultPayloadConverter) };
  return failure;
}

const failed = (cause: Error, retryState: RetryState = 'MAXIMUM_ATTEMPTS_REACHED') =>
  new ActivityFailure('Activity task failed', 'deliverEmail', '1', retryState, 'worker', cause);

describe('a failed step', () => {
  test.each<[string, Error, { type: string; message?: string; reasonClass: string }]>([
    ['a code of ours', refused(), { type: 'mail_refused_for_now', message: '451 later', reasonClass: 'transient' }],
    [
      'our settings',
      ApplicationFailure.create({ type: 'mail_configuration', message: '535 no' }),
      { type: 'mail_configuration', reasonClass: 'configuration' },
    ],
    ['an attempt that took too long', timedOut('START_TO_CLOSE'), { type: 'timed_out', reasonClass: 'timeout' }],
    ['a worker that died', timedOut('HEARTBEAT'), { type: 'timed_out', reasonClass: 'timeout' }],
    ['a worker that died after another failure', timedOut('HEARTBEAT', refused()), { type: 'timed_out', reasonClass: 'timeout' }],
    ['a day without any worker', timedOut('SCHEDULE_TO_CLOSE'), { type: 'timed_out', reasonClass: 'timeout' }],
    [
      'a day of failures',
      timedOut('SCHEDULE_TO_CLOSE', refused()),
      { type: 'mail_refused_for_now', message: '451 later', reasonClass: 'transient' },
    ],
    ['a day of dying workers', timedOut('SCHEDULE_TO_CLOSE', timedOut('HEARTBEAT')), { type: 'timed_out', reasonClass: 'timeout' }],
    [
      'no worker for the next attempt',
      timedOut('SCHEDULE_TO_START', refused()),
      { type: 'mail_refused_for_now', message: '451 later', reasonClass: 'transient' },
    ],
    [
      'a defect',
      ApplicationFailure.create({ type: 'TypeError', message: 'a secret' }),
      { type: 'job_failed', message: unexplained.message, reasonClass: 'unexpected' },
    ],
    [
      'an error without a type',
      ApplicationFailure.create({ message: 'a secret' }),
      { type: 'job_failed', message: unexplained.message, reasonClass: 'unexpected' },
    ],
    [
      'a day of defects',
      timedOut('SCHEDULE_TO_CLOSE', ApplicationFailure.create({ type: 'Error', message: 'a secret' })),
      { type: 'job_failed', message: unexplained.message, reasonClass: 'unexpected' },
    ],
  ])('by %s tells its code, its words and its reason class', (_name, cause, { reasonClass, ...reply }) => {
    expect(replyOf(failed(cause))).toMatchObject(reply);
    expect(reasonClassOf(replyOf(failed(cause)).type)).toBe(reasonClass);
  });

  test('that is no failure of an activity is told alike, without a text that may hold anything', () => {
    expect(replyOf(refused())).toEqual({ type: 'mail_refused_for_now', message: '451 later' });
    expect(replyOf(new Error('a secret'))).toEqual({ type: 'job_failed', message: unexplained.message });
    expect(replyOf('a secret')).toEqual({ type: 'job_failed', message: unexplained.message });
  });
});

describe('retries are used up', () => {
  test.each<[RetryState, boolean]>([
    ['MAXIMUM_ATTEMPTS_REACHED', true],
    ['TIMEOUT', true],
    ['RETRY_POLICY_NOT_SET', true],
    ['INTERNAL_SERVER_ERROR', true],
    ['IN_PROGRESS', true],
    ['CANCEL_REQUESTED', true],
    ['NON_RETRYABLE_FAILURE', false],
  ])('%s: %s', (retryState, expected) => {
    expect(isExhausted(failed(refused(), retryState))).toBe(expected);
  });

  test('also when the last attempt timed out', () => {
    expect(isExhausted(failed(timedOut('START_TO_CLOSE')))).toBe(true);
    expect(isExhausted(failed(timedOut('SCHEDULE_TO_CLOSE'), 'TIMEOUT'))).toBe(true);
  });

  test('not when nobody began in time, when it was cancelled, or when no activity failed', () => {
    expect(isExhausted(failed(timedOut('SCHEDULE_TO_START'), 'TIMEOUT'))).toBe(false);
    expect(replyOf(failed(timedOut('SCHEDULE_TO_START'))).type).toBe('expired');
    expect(isExhausted(failed(new CancelledFailure('cancelled'), 'CANCEL_REQUESTED'))).toBe(false);
    expect(isExhausted(refused())).toBe(false);
  });

  test('a next attempt that no worker took is told from a first one that nobody began', () => {
    expect(foundNoWorker(failed(timedOut('SCHEDULE_TO_START', refused())))).toBe(true);
    expect(foundNoWorker(failed(timedOut('SCHEDULE_TO_START')))).toBe(false);
    expect(foundNoWorker(failed(timedOut('SCHEDULE_TO_CLOSE', refused())))).toBe(false);
    expect(foundNoWorker(failed(refused()))).toBe(false);
  });
});

describe('the number of attempts', () => {
  test.each<[string, ActivityFailure, number | undefined, number | null]>([
    ['is all that were allowed, when they are used up', failed(timedOut('HEARTBEAT')), 5, 5],
    ['is what the last one said, when time ran out', failed(timedOut('SCHEDULE_TO_CLOSE', refused(7)), 'TIMEOUT'), 10, 7],
    ['is what the last one said, when its failure comes as it is', failed(refused(6), 'TIMEOUT'), undefined, 6],
    ['is unknown when nobody said it', failed(timedOut('SCHEDULE_TO_CLOSE'), 'TIMEOUT'), 10, null],
    ['is unknown for a defect', failed(ApplicationFailure.create({ type: 'TypeError' }), 'TIMEOUT'), undefined, null],
  ])('%s', (_name, failure, allowed, expected) => {
    expect(attemptsOf(failure, allowed)).toBe(expected);
  });
});
