import { beforeEach, describe, expect, test } from '@jest/globals';
import { type CryptoKey, errors } from 'jose';

import { createKeptKeys } from '../../../src/identity/kept-keys.ts';
import type { KeySet } from '../../../src/identity/provider-keys.ts';

let now: number;
/** What the identity provider has; undefined: it is away. */
let published: string[] | undefined;
let reads: number;
let failures: unknown[];
/** Lets its answers wait. */
let gate: Promise<void>;
let keys: KeySet;

const idle = () => new Promise((resolve) => setImmediate(resolve));

beforeEach(() => {
  now = 1_000_000;
  [published, reads, failures, gate] = [['one'], 0, [], Promise.resolve()];
  const read = async (): Promise<KeySet> => {
    reads++;
    await gate;
    const these = published;
    if (these === undefined) throw new Error('Away');
    return ({ kid = '' }) => {
      if (!these.includes(kid)) return Promise.reject(new errors.JWKSNoMatchingKey());
      return Promise.resolve({ kid } as unknown as CryptoKey);
    };
  };
  keys = createKeptKeys({ read, onFailure: (error) => failures.push(error), now: () => now });
});

/** What becomes of a token with this kid: `found`, or the code of the error. */
async function ask(kid: string): Promise<string> {
  try {
    await keys({ alg: 'RS256', kid }, {} as Parameters<KeySet>[1]);
    return 'found';
  } catch (error) {
    return (error as { code: string }).code;
  }
}

const unknown = 'ERR_JWKS_NO_MATCHING_KEY';

describe('the keys of an identity provider', () => {
  test('are read once, for many requests at once, and not again while they are known', async () => {
    expect(new Set(await Promise.all(Array.from({ length: 50 }, () => ask('one'))))).toEqual(new Set(['found']));
    now += 599_999;
    expect([await ask('one'), reads]).toEqual(['found', 1]);
  });

  test('are read again for an unknown one, every 30 seconds at most, whatever is sent', async () => {
    await ask('one');
    for (const start = now; now < start + 120_000; now += 1_000) expect(await ask(`made up ${String(now)}`)).toBe(unknown);
    expect(reads).toBe(4);
  });

  test('are found when they are new', async () => {
    await ask('one');
    published = ['one', 'two'];
    now += 30_000;
    expect([await ask('two'), await ask('one')]).toEqual(['found', 'found']);
  });

  test('go on working while it is away, for as long as that is; unknown ones are answered with that', async () => {
    await ask('one');
    published = undefined;
    for (let i = 0; i < 100; i++) {
      now += 60_000;
      expect([await ask('one'), await ask('two')]).toEqual(['found', 'identity_provider_unavailable']);
    }
    expect(failures.length).toBeGreaterThan(10);
    published = ['two'];
    now += 30_000;
    expect([await ask('two'), await ask('one')]).toEqual(['found', unknown]);
  });

  test('can be waited for from the first request on, with a time to come again', async () => {
    published = undefined;
    await expect(keys({ alg: 'RS256', kid: 'one' }, {} as Parameters<KeySet>[1])).rejects.toMatchObject({
      code: 'identity_provider_unavailable',
      retryable: true,
      retryAfterSeconds: 30,
    });
    published = ['one'];
    now += 29_000;
    await expect(keys({ alg: 'RS256', kid: 'one' }, {} as Parameters<KeySet>[1])).rejects.toMatchObject({ retryAfterSeconds: 1 });
    expect(reads).toBe(1);
    now += 1_000;
    expect(await ask('one')).toBe('found');
  });

  test('are renewed after ten minutes, for which nobody waits, so that a withdrawn one ends', async () => {
    await ask('one');
    published = [];
    now += 600_000;
    let open = (): void => undefined;
    gate = new Promise((resolve) => (open = resolve));
    expect([await ask('one'), await ask('one'), reads]).toEqual(['found', 'found', 2]);
    open();
    await idle();
    expect(await ask('one')).toBe(unknown);
  });
});
