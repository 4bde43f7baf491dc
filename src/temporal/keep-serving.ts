import { setTimeout as sleep } from 'node:timers/promises';

/** What of a Temporal worker matters here. */
export interface Servant {
  run: () => Promise<void>;
  /** `run` then resolves once what runs has ended. */
  shutdown: () => void;
}

export interface ServingOptions {
  onFailure: (error: unknown) => void;
  /** Between the end of a worker and the next one, in milliseconds. */
  restartMs?: number;
}

/** Runs a worker, and another one whenever it ends, until `stop`, which resolves when the last one has ended. */
export function keepServing(
  first: Servant,
  make: () => Promise<Servant>,
  { onFailure, restartMs = 2_000 }: ServingOptions,
): { stop(): Promise<void> } {
  const stopping = new AbortController();
  let running: Servant | undefined;

  async function serve(worker: Servant): Promise<void> {
    running = worker;
    const ended = worker.run();
    // Stopped while it was being made: it must run to be shut down, since it holds the connection open.
    if (stopping.signal.aborted) worker.shutdown();
    try {
      await ended;
    } finally {
      running = undefined;
    }
  }

  async function serveOn(): Promise<void> {
    let next: () => Promise<Servant> = () => Promise.resolve(first);
    while (!stopping.signal.aborted) {
      try {
        await serve(await next());
      } catch (error) {
        onFailure(error);
      }
      next = make;
      await sleep(restartMs, undefined, { signal: stopping.signal }).catch(() => undefined);
    }
  }

  const serving = serveOn();
  return {
    async stop() {
      stopping.abort();
      running?.shutdown();
      await serving;
    },
  };
}
