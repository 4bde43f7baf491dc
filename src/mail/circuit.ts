/** Failures in a row after which a provider is left alone. */
const opensAfter = 5;
/** How long it is left alone, in milliseconds: twice as long after each probe that failed, too. */
const firstRestMs = 5_000;
const longestRestMs = 5 * 60_000;

export type CircuitState = 'closed' | 'open' | 'half_open';

/** What this process knows of one provider. All times are in milliseconds since 1970. */
export interface Circuit {
  /** `half_open`: its rest is over, and the next message will tell. */
  state(now: number): CircuitState;
  /** It asked to be left alone until then; undefined: it did not. */
  pausedUntil(now: number): number | undefined;
  succeeded(): void;
  /** @param pauseMs as it asked for. */
  failed(now: number, pauseMs?: number): void;
  /** Around each message: while one probes, others go elsewhere. */
  begin(): void;
  end(): void;
}

/** Opens after failures in a row, or at once when the provider asks for a pause; a probe closes it. */
export function createCircuit(): Circuit {
  let failures = 0;
  let restUntil = 0;
  let askedUntil = 0;
  let running = 0;

  const isOpen = () => failures >= opensAfter || askedUntil > 0;
  return {
    state(now) {
      if (!isOpen()) return 'closed';
      return now < Math.max(restUntil, askedUntil) || running > 0 ? 'open' : 'half_open';
    },
    pausedUntil: (now) => (askedUntil > now ? askedUntil : undefined),
    succeeded() {
      [failures, restUntil, askedUntil] = [0, 0, 0];
    },
    failed(now, pauseMs) {
      // Of messages that were under way together, all but the first one tell nothing new.
      if (now < restUntil && pauseMs === undefined) return;
      failures += 1;
      if (failures >= opensAfter) restUntil = now + Math.min(firstRestMs * 2 ** (failures - opensAfter), longestRestMs);
      askedUntil = pauseMs === undefined ? 0 : Math.max(askedUntil, now + pauseMs);
    },
    begin() {
      running += 1;
    },
    end() {
      running -= 1;
    },
  };
}
