import { AppError } from '../src/errors.ts';

/** Between tries, in milliseconds: half a minute in all, beside the time that each try takes. */
const pausesMs = [100, 400, 1_500, 4_000, 8_000, 16_000];

const paused = (ms: number, signal: AbortSignal) =>
  new Promise<void>((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done, { once: true });
  });

/**
 * Writes down what has happened, also while the database is away for a while. It has happened either way: when the database does
 * not come back, or nobody waits any more, this resolves with false.
 */
export async function persistently(write: () => Promise<void>, signal: AbortSignal): Promise<boolean> {
  for (let tries = 0; ; tries += 1) {
    try {
      await write();
      return true;
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== 'database_unavailable') throw error;
      const pause = pausesMs[tries];
      if (pause === undefined || signal.aborted) return false;
      await paused(pause, signal);
    }
  }
}
