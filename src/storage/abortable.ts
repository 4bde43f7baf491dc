import { Readable } from 'node:stream';

/** The source, ending with the reason of the signal as soon as it is aborted, also while the source is silent. Closes the source. */
export async function* abortable<T>(source: AsyncIterable<T>, signal: AbortSignal): AsyncGenerator<T, void, undefined> {
  const iterator = source[Symbol.asyncIterator]();
  let stop = (): void => undefined;
  const onAbort = (): void => {
    stop();
  };
  // One promise for each step: racing against one long-lived promise would keep something of every chunk in memory.
  const next = (): Promise<IteratorResult<T>> =>
    new Promise((resolve, reject) => {
      stop = () => {
        reject(signal.reason as Error);
      };
      if (signal.aborted) stop();
      else iterator.next().then(resolve, reject);
    });

  signal.addEventListener('abort', onAbort, { once: true });
  let open = true;
  try {
    for (;;) {
      const step = await next();
      if (step.done === true) {
        open = false;
        return;
      }
      yield step.value;
    }
  } finally {
    signal.removeEventListener('abort', onAbort);
    if (open) await close(source, iterator, signal);
  }
}

async function close<T>(source: AsyncIterable<T>, iterator: AsyncIterator<T>, signal: AbortSignal): Promise<void> {
  if (source instanceof Readable) source.destroy();
  const closed = Promise.resolve(iterator.return?.()).catch(() => undefined);
  // A source that is stuck answers `return` only after its pending step: nobody waits for it once the signal has spoken.
  if (!signal.aborted) await closed;
}
