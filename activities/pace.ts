import { setTimeout as sleep } from 'node:timers/promises';

/** How much lost time may be made up for by going faster, in milliseconds. */
const catchUpMs = 1_000;

export interface Pace {
  /** Resolves when it is the next one's turn; with false, at once, when the signal aborts. */
  turn: (signal: AbortSignal) => Promise<boolean>;
  /** Milliseconds since 1970. */
  nextTurn: () => number;
}

/**
 * Turns at an even rate. The time that goes by between two paces is not lost when the second one is told where the first one
 * ended, but at most a second of it: a rate protects somebody.
 * @param firstTurn milliseconds since 1970; null: now. Clocks of two machines differ: it is never waited for longer than one turn takes.
 */
export function createPace(ratePerSecond: number, firstTurn: number | null): Pace {
  const interval = 1_000 / ratePerSecond;
  let next = Math.min(firstTurn ?? Date.now(), Date.now() + interval);
  return {
    async turn(signal) {
      const wait = next - Date.now();
      if (wait > 0) await sleep(wait, undefined, { signal }).catch(() => undefined);
      if (signal.aborted) return false;
      next = Math.max(next, Date.now() - catchUpMs) + interval;
      return true;
    },
    nextTurn: () => next,
  };
}
