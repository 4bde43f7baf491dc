import { ApplicationFailure } from '@temporalio/common';

import { AppError, type ErrorCode, type Patience } from '../src/errors.ts';
import { currentAttempt } from './current-job.ts';

const minuteMs = 60_000;

/** Our settings are wrong, not the job: try again slowly, until somebody has mended them. */
const slowly: Partial<Record<ErrorCode, number>> = {
  mail_configuration: 5 * minuteMs,
  data_source_configuration: 5 * minuteMs,
  scanner_configuration: 5 * minuteMs,
};

/** Doubled at each attempt. Who greylists takes a message after 5 minutes or more; a mailbox is emptied by a person. */
const patient: Record<Patience, { first: number; longest: number }> = {
  greylisted: { first: 5 * minuteMs, longest: 120 * minuteMs },
  mailbox_full: { first: 60 * minuteMs, longest: 480 * minuteMs },
};

/** Of those who name a time themselves. */
const obeyed: readonly ErrorCode[] = ['mail_refused_for_now', 'mail_server_unreachable'];
const longestObeyedMs = 120 * minuteMs;

/** Milliseconds until the next attempt; undefined: as the policy says. */
export function pauseAfter({ code, patience, retryAfterSeconds }: AppError, attempt: number, ownPauses: boolean): number | undefined {
  if (slowly[code] !== undefined) return slowly[code];
  if (ownPauses) return undefined;
  const named = obeyed.includes(code) && retryAfterSeconds !== undefined ? Math.min(retryAfterSeconds * 1000, longestObeyedMs) : undefined;
  if (patience === undefined) return named;
  const { first, longest } = patient[patience];
  return Math.max(named ?? 0, Math.min(first * 2 ** (attempt - 1), longest));
}

/** For workflows, and for whoever looks at a dead letter. */
export interface FailureFacts {
  attempt: number;
  /** Attempts of this call that do not count towards `maximumAttempts`. */
  uncounted?: number;
  /** Goes on for days where others stop. */
  patience?: Patience;
}

/**
 * Runs an activity's work so that a failure of ours reaches Temporal with its code as type, and with the decisions that can only
 * be made where the cause is known: whether another attempt can help, and when. Every other error is retried as it is.
 *
 * @param facts read after the failure. `ownPauses`: the job itself says when to try again, but for wrong settings.
 */
export async function classified<T>(
  work: () => Promise<T>,
  facts: () => { uncounted?: number; ownPauses?: boolean } = () => ({}),
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    const attempt = currentAttempt();
    const { uncounted = 0, ownPauses = false } = facts();
    const nextRetryDelay = error.retryable ? pauseAfter(error, attempt, ownPauses) : undefined;
    const told: FailureFacts = {
      attempt,
      ...(uncounted > 0 && { uncounted }),
      ...(error.patience && { patience: error.patience }),
    };
    throw ApplicationFailure.create({
      type: error.code,
      message: error.message,
      nonRetryable: !error.retryable,
      // A workflow is not told how many attempts there were.
      details: [undefined, told],
      ...(nextRetryDelay !== undefined && { nextRetryDelay }),
    });
  }
}
