import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';

import { AppError } from '../errors.ts';
import { spawnLimited } from './limited-process.ts';
import type { Answer, Made, Order } from './orders.ts';

export interface DecoderLimits {
  /** Of one decoder, in MiB. */
  memoryMb: number;
  /** For one variant. */
  seconds: number;
}

export interface Decoders {
  /**
   * Gives the order to a decoder that is free, or to a new one. Ends it when the signal says so.
   * @throws AppError `decoder_failed`, `storage_unavailable`, and what the decoder refuses; the reason of the signal.
   */
  run(
    order: Order,
    options: { signal?: AbortSignal | undefined; onMade?: (made: Made) => void },
  ): Promise<Extract<Answer, { rss: number }>>;
  close(): Promise<void>;
}

/** Beside the source: `.ts` in tests, `.js` when it is built. */
const program = new URL(import.meta.url.replace(/decoders(\.[jt]s)$/, 'decoder$1')).pathname;
const heapMb = 128;
/** No variant is larger: 16,383 × 16,383 × 4 bytes. */
const fileMb = 1_024;
const startSeconds = 60;
/** A decoder that waits for work. */
const idleMs = 30_000;
/** What libraries leak must not add up; what one large picture has taken must not stay. */
const mostOrders = 500;
const mostRss = 384 * 1024 * 1024;

interface Decoder {
  process: ChildProcess;
  orders: number;
  idle?: NodeJS.Timeout;
}

/** Processes that decode, each one order at a time. They stay for the next order: starting one takes longer than decoding a photo. */
export function createDecoders({ memoryMb, seconds }: DecoderLimits): Decoders {
  const free: Decoder[] = [];
  const all = new Set<Decoder>();
  let closed = false;

  const failed = (detail: string) => new AppError('decoder_failed', detail, { retryable: true });
  const noMemory = () => failed(`Decoding the picture needs more than ${String(memoryMb)} MiB.`);

  function start(): Decoder {
    const command = [
      process.execPath,
      ...process.execArgv.filter((word) => word.startsWith('--import=')),
      `--max-old-space-size=${String(heapMb)}`,
      program,
    ];
    const limits = { memoryMb, fileMb };
    const child = spawnLimited(command, limits, { cwd: '/', stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
    const decoder = { process: child, orders: 0 };
    all.add(decoder);
    child.on('error', () => undefined);
    child.once('exit', () => {
      all.delete(decoder);
      if (free.includes(decoder)) free.splice(free.indexOf(decoder), 1);
    });
    return decoder;
  }

  function end(decoder: Decoder): void {
    clearTimeout(decoder.idle);
    decoder.process.ref();
    if (free.includes(decoder)) free.splice(free.indexOf(decoder), 1);
    decoder.process.kill('SIGKILL');
  }

  function release(decoder: Decoder, rss: number): void {
    decoder.orders += 1;
    if (closed || decoder.orders >= mostOrders || rss > mostRss) {
      end(decoder);
      return;
    }
    decoder.idle = setTimeout(() => {
      end(decoder);
    }, idleMs).unref();
    // While it waits it does not keep this process alive.
    decoder.process.unref();
    decoder.process.channel?.unref();
    free.push(decoder);
  }

  /** Resolves with the first answer that `isLast`. The time is for each answer. */
  function answer<T extends Answer>(
    { process: child }: Decoder,
    isLast: (answer: Answer) => answer is T,
    { signal, onMade, patience }: { signal: AbortSignal | undefined; onMade?: ((made: Made) => void) | undefined; patience: number },
  ): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      let timer: NodeJS.Timeout | undefined;
      const settle = (how: () => void): void => {
        clearTimeout(timer);
        child.off('message', onMessage).off('exit', onExit).off('error', onError);
        signal?.removeEventListener('abort', onAbort);
        how();
      };
      const wait = (): void => {
        clearTimeout(timer);
        timer = setTimeout(() => {
          settle(() => {
            reject(failed(`Decoding the picture, or encoding a variant, takes more than ${String(patience)} seconds.`));
          });
        }, patience * 1000);
      };
      const onMessage = (told: Answer): void => {
        if (isLast(told))
          settle(() => {
            resolve(told);
          });
        else if ('made' in told) {
          onMade?.(told.made);
          wait();
        }
      };
      const onExit = (code: number | null, by: NodeJS.Signals | null): void => {
        settle(() => {
          reject(failed(`The decoder ended in the middle of the picture (${by ?? `status ${String(code)}`}).`));
        });
      };
      const onError = (cause: Error): void => {
        settle(() => {
          reject(new AppError('decoder_failed', 'No decoder can be started.', { retryable: true, cause }));
        });
      };
      const onAbort = (): void => {
        settle(() => {
          reject(signal?.reason as Error);
        });
      };
      child.on('message', onMessage).on('exit', onExit).on('error', onError);
      signal?.addEventListener('abort', onAbort);
      if (signal?.aborted === true) onAbort();
      else wait();
    });
  }

  const isReady = (told: Answer): told is Extract<Answer, { ready: true }> => 'ready' in told;
  const isOutcome = (told: Answer): told is Extract<Answer, { rss: number }> => 'rss' in told;

  return {
    async run(order, { signal, onMade }) {
      signal?.throwIfAborted();
      if (closed) throw failed('The worker stops.');
      const waiting = free.pop();
      const decoder = waiting ?? start();
      clearTimeout(decoder.idle);
      decoder.process.ref();
      decoder.process.channel?.ref();
      try {
        if (waiting === undefined) await answer(decoder, isReady, { signal, patience: startSeconds });
        const answered = answer(decoder, isOutcome, { signal, onMade, patience: seconds });
        // A decoder that has just ended is told by its exit.
        decoder.process.send(order, () => undefined);
        const outcome = await answered;
        if ('noMemory' in outcome) throw noMemory();
        release(decoder, outcome.rss);
        if ('refused' in outcome) throw new AppError(outcome.refused.code, outcome.refused.message);
        if ('broken' in outcome)
          throw new AppError('storage_unavailable', 'A picture could not be kept for decoding.', {
            retryable: true,
            cause: outcome.broken,
          });
        return outcome;
      } catch (error) {
        if (!free.includes(decoder)) end(decoder);
        throw error;
      }
    },
    async close() {
      closed = true;
      const ended = [...all].map(async (decoder) => {
        const gone = once(decoder.process, 'exit');
        end(decoder);
        await gone;
      });
      await Promise.all(ended);
    },
  };
}
