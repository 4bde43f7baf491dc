import { Context } from '@temporalio/activity';

import type { Progress } from '../src/jobs/progress.ts';

/** Well below every heartbeat time-out in `workflows/policies.ts`; the SDK sends at most one each two seconds. */
const intervalMs = 2_000;

export interface Beat {
  /** Cheap enough to call for each thousandth row. */
  report: (progress: Progress) => void;
  /** Aborts when the job is cancelled or the worker shuts down. */
  signal: AbortSignal;
}

/** Runs work with a heartbeat that goes on by itself, so that a dead worker is noticed, and a cancelled job within seconds. */
export async function heartbeating<T>(work: (beat: Beat) => Promise<T>): Promise<T> {
  const context = Context.current();
  let latest: Progress | undefined;
  const timer = setInterval(() => {
    context.heartbeat(latest);
  }, intervalMs);
  try {
    return await work({
      report: (progress) => {
        latest = progress;
        context.heartbeat(progress);
      },
      signal: context.cancellationSignal,
    });
  } finally {
    clearInterval(timer);
  }
}
