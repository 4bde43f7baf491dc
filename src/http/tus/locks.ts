import type { Locker } from '@tus/server';
import { setTimeout as sleep } from 'node:timers/promises';

import { AppError } from '../../errors.ts';
import type { PartialUploads } from '../../jobs/partial-uploads.ts';

/** For one who waits, in milliseconds: others must have time to end what they do. */
const longestWaitMs = 15_000;
/** Between looks at what another process has. */
const lookMs = 250;

export interface UploadLocks extends Locker {
  /** Waits for whoever has it, and asks them to end. @throws AppError `upload_busy`. */
  holding<T>(id: string, work: () => Promise<T>): Promise<T>;
  /** `undefined`: somebody has it, and nothing was done. */
  holdingIfFree<T>(id: string, work: () => Promise<T>): Promise<T | undefined>;
}

interface Holder {
  askToEnd: () => unknown;
  gone: Promise<void>;
}

const cannotEnd = () => undefined;

/**
 * One at a time for each upload, in all processes. Whoever comes later gets it, since it may be the same client after its
 * connection broke: what the one before has written stays.
 */
export function createUploadLocks({ claim }: Pick<PartialUploads, 'claim'>): UploadLocks {
  const holders = new Map<string, Holder>();

  /** @returns how to give it back; undefined: somebody has it. */
  async function takeIfFree(id: string, askToEnd: () => unknown): Promise<(() => Promise<void>) | undefined> {
    if (holders.has(id)) return undefined;
    let leave: () => void = () => undefined;
    const gone = new Promise<void>((resolve) => {
      leave = () => {
        holders.delete(id);
        resolve();
      };
    });
    holders.set(id, { askToEnd, gone });
    try {
      const claimed = await claim(id, () => void askToEnd());
      if (claimed !== undefined) return () => claimed.release().finally(leave);
      leave();
      return undefined;
    } catch (error) {
      leave();
      throw error;
    }
  }

  async function take(id: string, askToEnd: () => unknown, signal?: AbortSignal): Promise<() => Promise<void>> {
    const until = performance.now() + longestWaitMs;
    for (;;) {
      const release = await takeIfFree(id, askToEnd);
      if (release !== undefined) return release;
      const left = until - performance.now();
      if (left <= 0 || signal?.aborted)
        throw new AppError('upload_busy', 'Another request works on this upload. Try again.', { retryable: true, retryAfterSeconds: 1 });
      const holder = holders.get(id);
      holder?.askToEnd();
      const over = new AbortController();
      const stop = () => {
        over.abort();
      };
      signal?.addEventListener('abort', stop, { once: true });
      const pause = sleep(holder === undefined ? Math.min(left, lookMs) : left, undefined, { signal: over.signal });
      await Promise.race([pause.catch(() => undefined), ...(holder === undefined ? [] : [holder.gone])]);
      signal?.removeEventListener('abort', stop);
      stop();
    }
  }

  async function during<T>(release: () => Promise<void>, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } finally {
      await release();
    }
  }

  return {
    newLock(id) {
      let release: (() => Promise<void>) | undefined;
      return {
        async lock(signal, requestRelease) {
          release = await take(id, () => Promise.resolve(requestRelease()).catch(() => undefined), signal);
        },
        async unlock() {
          await release?.();
        },
      };
    },
    holding: async (id, work) => during(await take(id, cannotEnd), work),
    async holdingIfFree(id, work) {
      const release = await takeIfFree(id, cannotEnd);
      return release === undefined ? undefined : during(release, work);
    },
  };
}
