import { AppError } from '../errors.ts';

export interface Gate {
  /**
   * Runs one call to Temporal and answers within the deadline, whatever the connection does.
   * @throws AppError `temporal_unavailable`: the call **may** have taken effect.
   */
  <T>(call: () => Promise<T>): Promise<T>;
  /** @throws AppError `temporal_unavailable` while calls are refused at once, so that nothing is begun in vain. */
  assertOpen: () => void;
  close(): void;
}

export interface GateOptions {
  /** Per call, in milliseconds. */
  deadlineMs?: number;
  /** Between two probes while Temporal is away, in milliseconds. */
  probeEveryMs?: number;
  /** Resolves when Temporal answers. */
  probe: () => Promise<unknown>;
  /** Whether an error means that Temporal is away (and not that it refused the request). */
  isOutage: (error: unknown) => boolean;
}

const unavailable = (cause?: unknown) =>
  new AppError(
    'temporal_unavailable',
    'Temporal does not answer. The job may or may not have been stored: repeat with an Idempotency-Key.',
    {
      retryable: true,
      retryAfterSeconds: 5,
      cause,
    },
  );

/**
 * A deadline of our own and a circuit breaker. On a refused port the native connection retries for six to ten seconds
 * whatever deadline it is given, so after one outage every call is refused at once until a probe gets through.
 */
export function createGate({ deadlineMs = 4_000, probeEveryMs = 1_000, probe, isOutage }: GateOptions): Gate {
  let open = true;
  let closed = false;
  let timer: NodeJS.Timeout | undefined;

  function scheduleProbe(): void {
    if (closed) return;
    timer = setTimeout(() => {
      // A probe that hangs counts as failed, too: otherwise the gate would stay shut for ever.
      within(deadlineMs, probe).then(() => {
        open = true;
      }, scheduleProbe);
    }, probeEveryMs);
    timer.unref();
  }

  function shut(): void {
    if (!open) return;
    open = false;
    scheduleProbe();
  }

  const gate = async <T>(call: () => Promise<T>): Promise<T> => {
    if (!open) throw unavailable();
    try {
      return await within(deadlineMs, call);
    } catch (error) {
      if (!(error instanceof Late) && !isOutage(error)) throw error;
      shut();
      throw unavailable(error);
    }
  };
  return Object.assign(gate, {
    assertOpen: () => {
      if (!open) throw unavailable();
    },
    close: () => {
      closed = true;
      clearTimeout(timer);
    },
  });
}

class Late extends Error {}

async function within<T>(milliseconds: number, call: () => Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(new Late('No answer in time'));
    }, milliseconds);
  });
  try {
    return await Promise.race([call(), late]);
  } finally {
    clearTimeout(timer);
  }
}
