import { DefaultFailureConverter, defaultPayloadConverter } from '@temporalio/common';
import { ActivityFailure, ApplicationFailure, TimeoutFailure, isCancellation } from '@temporalio/workflow';

import type { ReasonClass } from '../src/jobs/job.ts';

/** As job errors say it, too (`src/jobs/job-error.ts`, which can't be imported here). */
const unexplained = 'The step failed unexpectedly; the Temporal history of this job has the cause.';

/** Our own codes are lower-case. A type like `TypeError`, or none, is a defect: its text may hold anything, and is not shown. */
const ownCode = /^[a-z_]+$/;

const causeOf = (failure: unknown): unknown => (failure instanceof ActivityFailure ? failure.cause : failure);

/** The stable code and the message at the root of a failed activity: both may be shown. */
export function replyOf(failure: unknown): { type: string; message: string } {
  const cause = causeOf(failure);
  if (cause instanceof ApplicationFailure && ownCode.test(cause.type ?? '')) return { type: cause.type ?? '', message: cause.message };
  if (cause instanceof TimeoutFailure) {
    const before = lastAttemptOf(cause);
    // What the last attempt said tells more than that time ran out afterwards.
    if (before !== undefined) return replyOf(before);
    if (cause.timeoutType === 'SCHEDULE_TO_START') return { type: 'expired', message: 'No worker began in time.' };
    return { type: 'timed_out', message: `The worker did not answer in time (${String(cause.timeoutType)})` };
  }
  return { type: 'job_failed', message: unexplained };
}

const converter = new DefaultFailureConverter();

/** The failure of the attempt before, when time ran out between attempts. The SDK leaves out the cause of a time-out. */
export function lastAttemptOf({ timeoutType, failure }: TimeoutFailure): Error | undefined {
  if (timeoutType !== 'SCHEDULE_TO_START' && timeoutType !== 'SCHEDULE_TO_CLOSE') return undefined;
  return failure?.cause ? converter.failureToError(failure.cause, defaultPayloadConverter) : undefined;
}

/** Work that had begun waited for its next attempt, and no worker took that in time. */
export function foundNoWorker(failure: unknown): boolean {
  const cause = causeOf(failure);
  return cause instanceof TimeoutFailure && cause.timeoutType === 'SCHEDULE_TO_START' && lastAttemptOf(cause) !== undefined;
}

/** Retries are used up, so another try may help later. Not: input that can never work, cancellation, nobody began in time. */
export function isExhausted(failure: unknown): failure is ActivityFailure {
  if (!(failure instanceof ActivityFailure) || isCancellation(failure)) return false;
  return failure.retryState !== 'NON_RETRYABLE_FAILURE' && replyOf(failure).type !== 'expired';
}

const classes: Partial<Record<string, ReasonClass>> = {
  mail_configuration: 'configuration',
  data_source_configuration: 'configuration',
  scanner_configuration: 'configuration',
  timed_out: 'timeout',
  job_failed: 'unexpected',
};

/** @param type as `replyOf` gives it. */
export function reasonClassOf(type: string): ReasonClass {
  return classes[type] ?? 'transient';
}

/** Of the failed step in its last round, where the failure tells. */
export function attemptsOf(failure: ActivityFailure, maximumAttempts: number | undefined): number | null {
  if (failure.retryState === 'MAXIMUM_ATTEMPTS_REACHED' && maximumAttempts !== undefined) return maximumAttempts;
  const cause = failure.cause instanceof TimeoutFailure ? lastAttemptOf(failure.cause) : failure.cause;
  const told = cause instanceof ApplicationFailure ? (cause.details?.[1] as { attempt?: number } | undefined) : undefined;
  return told?.attempt ?? null;
}
