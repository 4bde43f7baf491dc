import { ActivityFailure, ApplicationFailure, ChildWorkflowFailure, TimeoutFailure } from '@temporalio/common';

import { type ErrorCode, errorCodes } from '../errors.ts';
import type { JobError } from './job.ts';

function isErrorCode(type: string | null | undefined): type is ErrorCode {
  return (errorCodes as readonly string[]).includes(type ?? '');
}

/** Of a failure without one of our codes: its text may hold anything. */
export const unexplained: JobError = {
  code: 'job_failed',
  message: 'The step failed unexpectedly; the Temporal history of this job has the cause.',
};

/**
 * The outermost failure of ours in a chain of causes. A failure without one of our codes is a defect or a fault of the
 * surroundings: its text may hold anything, so it stays in Temporal's history and is not shown.
 */
export function jobErrorOf(failure: Error): JobError {
  for (let cause: unknown = failure; cause instanceof Error; cause = cause.cause) {
    if (cause instanceof ApplicationFailure && isErrorCode(cause.type)) {
      const details = cause.details?.[0];
      return { code: cause.type, message: cause.message, ...(isRecord(details) && { details }) };
    }
    if (cause instanceof TimeoutFailure)
      return { code: 'timed_out', message: `The worker did not answer in time (${String(cause.timeoutType)})` };
    if (!(cause instanceof ActivityFailure || cause instanceof ChildWorkflowFailure || cause instanceof ApplicationFailure)) break;
  }
  return unexplained;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
