import { ActivityFailure, ApplicationFailure, TimeoutFailure } from '@temporalio/common';

/** The stable code and the message at the root of a failed activity. */
export function replyOf(failure: unknown): { type: string; message: string } {
  const cause = failure instanceof ActivityFailure ? failure.cause : failure;
  if (cause instanceof ApplicationFailure) return { type: cause.type ?? 'job_failed', message: cause.message };
  if (cause instanceof TimeoutFailure) return { type: 'timed_out', message: cause.message };
  return { type: 'job_failed', message: cause instanceof Error ? cause.message : String(cause) };
}
