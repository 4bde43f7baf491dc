import { AppError } from '../errors.ts';

/** Between two looks at the backlog, in milliseconds. */
const everyMs = 2_000;
/** An older look tells nothing any more, in milliseconds. */
const staleMs = 10_000;
const retryAfterSeconds = 5;

/**
 * Refuses while more tasks wait than `most`; 0: never. It looks while it is asked, in the background, and takes it that all is
 * well while nobody can tell.
 */
export function createOverloadGuard(backlog: () => Promise<number>, most: number, now: () => number = Date.now): () => void {
  let [askedAt, toldAt, waiting, asking] = [-Infinity, -Infinity, 0, false];

  async function look(): Promise<void> {
    [asking, askedAt] = [true, now()];
    try {
      waiting = await backlog();
    } catch {
      waiting = 0;
    }
    [asking, toldAt] = [false, now()];
  }

  return () => {
    if (most === 0) return;
    if (!asking && now() - askedAt >= everyMs) look().catch(() => undefined);
    if (waiting > most && now() - toldAt < staleMs)
      throw new AppError('overloaded', 'More work is waiting than workers can do soon. Nothing was started.', {
        retryable: true,
        retryAfterSeconds,
      });
  };
}
