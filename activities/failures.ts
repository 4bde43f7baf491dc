import { ApplicationFailure } from '@temporalio/common';

import { AppError, type ErrorCode } from '../src/errors.ts';
import { currentAttempt } from './current-job.ts';

/** Our settings are wrong, not the job: try again slowly, until somebody has mended them. */
const slowly: Partial<Record<ErrorCode, '5 minutes'>> = { mail_configuration: '5 minutes' };

/**
 * Runs an activity's work so that a failure of ours reaches Temporal with its code as type, and with the one decision that
 * can only be made where the cause is known: whether another attempt can help. Every other error is retried as it is.
 */
export async function classified<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    // In its own time, where somebody asked for that.
    const asked =
      error.code === 'mail_refused_for_now' && error.retryAfterSeconds !== undefined ? error.retryAfterSeconds * 1000 : undefined;
    const nextRetryDelay = slowly[error.code] ?? asked;
    throw ApplicationFailure.create({
      type: error.code,
      message: error.message,
      nonRetryable: !error.retryable,
      // For whoever looks at a dead letter: a workflow is not told how many attempts there were.
      details: [undefined, { attempt: currentAttempt() }],
      ...(nextRetryDelay !== undefined && { nextRetryDelay }),
    });
  }
}
