import { errors } from 'jose';

import { AppError } from '../errors.ts';
import type { KeySet } from './provider-keys.ts';

/** Between two times that the keys are asked for, whoever sends which tokens. In milliseconds. */
const pauseMs = 30_000;
/** Keys this old are asked for again, while requests go on with them. In milliseconds. */
const renewMs = 10 * 60_000;

export interface KeptKeysOptions {
  read: () => Promise<KeySet>;
  onFailure: (error: unknown) => void;
  now: () => number;
}

/**
 * The keys of an identity provider, kept in memory. While it is away, those that are known go on working.
 * @returns finds a key. @throws errors of jose: it has no such key. @throws AppError `identity_provider_unavailable`: nobody knows.
 */
export function createKeptKeys({ read, onFailure, now }: KeptKeysOptions): KeySet {
  let known: KeySet | undefined;
  let [readAt, askedAt] = [-Infinity, -Infinity];
  let asking: Promise<void> | undefined;
  let failed = false;

  /** Does nothing within the pause; never throws. */
  function ask(): Promise<void> {
    if (asking !== undefined) return asking;
    if (now() - askedAt < pauseMs) return Promise.resolve();
    askedAt = now();
    asking = read()
      .then(
        (keys) => {
          known = keys;
          readAt = now();
          failed = false;
        },
        (error: unknown) => {
          failed = true;
          onFailure(error);
        },
      )
      .finally(() => {
        asking = undefined;
      });
    return asking;
  }

  /** `undefined`: not among those that are known. */
  async function find(...which: Parameters<KeySet>): Promise<Awaited<ReturnType<KeySet>> | undefined> {
    try {
      return await known?.(...which);
    } catch (error) {
      if (error instanceof errors.JWKSNoMatchingKey) return undefined;
      throw error;
    }
  }

  return async (...which) => {
    // What is renewed is of use to the requests after this one.
    if (now() - readAt >= renewMs) ask().catch(() => undefined);
    const first = await find(...which);
    if (first !== undefined) return first;
    await ask();
    const second = await find(...which);
    if (second !== undefined) return second;
    if (!failed) throw new errors.JWKSNoMatchingKey();
    const retryAfterSeconds = Math.max(1, Math.ceil((askedAt + pauseMs - now()) / 1_000));
    throw new AppError('identity_provider_unavailable', 'The keys of the identity provider cannot be read now.', {
      retryable: true,
      retryAfterSeconds,
    });
  };
}
