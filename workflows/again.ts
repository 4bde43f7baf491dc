import { msToNumber } from '@temporalio/common/lib/time.js';
import { ActivityFailure, ApplicationFailure, TimeoutFailure } from '@temporalio/workflow';

import type { FailureFacts } from '../activities/failures.ts';
import { lastAttemptOf, replyOf } from './failure.ts';
import { policies, type StepName } from './policies.ts';

/** A mailbox is full for days, not for hours (RFC 5321, 4.5.4.1: give up after 4 or 5 days at the earliest). */
const patientDays = 4;
const dayMs = 86_400_000;
/** Between the end of one call and the next. In milliseconds. */
const pauseMs = { mail_configuration: 300_000, patient: 4 * 3_600_000 };

export interface Again {
  afterMs: number;
  maximumAttempts: number | undefined;
  scheduleToCloseMs: number;
}

/** What a failed activity told; undefined where it was not one of ours that spoke last. */
function toldBy(failure: unknown): FailureFacts | undefined {
  const reason = failure instanceof ActivityFailure ? failure.cause : undefined;
  const cause = reason instanceof TimeoutFailure ? lastAttemptOf(reason) : reason;
  return cause instanceof ApplicationFailure ? ((cause.details?.[1] ?? undefined) as FailureFacts | undefined) : undefined;
}

/**
 * How a step goes on whose call has ended: when attempts were used up by wrong settings of ours, which nobody asked to be counted,
 * and when a full mailbox outlasted the day that a call has. undefined: it has failed.
 *
 * @param since when the first call of the step began, in milliseconds since 1970.
 */
export function again(name: StepName, failure: unknown, since: number): Again | undefined {
  const told = toldBy(failure);
  if (!(failure instanceof ActivityFailure) || told === undefined) return undefined;
  const callMs = msToNumber(policies[name].scheduleToCloseTimeout);
  const passedMs = Date.now() - since;
  const burnt = told.uncounted ?? 0;
  if (failure.retryState === 'MAXIMUM_ATTEMPTS_REACHED' && burnt > 0) {
    const afterMs = replyOf(failure).type === 'mail_configuration' ? pauseMs.mail_configuration : 1_000;
    const left = callMs - passedMs - afterMs;
    return left > 0 ? { afterMs, maximumAttempts: burnt, scheduleToCloseMs: left } : undefined;
  }
  const ranOutOfTime = failure.retryState === 'TIMEOUT' || failure.cause instanceof TimeoutFailure;
  if (ranOutOfTime && told.patience === 'mailbox_full') {
    const left = patientDays * dayMs - passedMs - pauseMs.patient;
    return left > 0 ? { afterMs: pauseMs.patient, maximumAttempts: undefined, scheduleToCloseMs: Math.min(left, callMs) } : undefined;
  }
  return undefined;
}
