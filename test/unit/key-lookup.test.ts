import { beforeEach, describe, expect, test } from '@jest/globals';

import { createKeyLookup, type KeyFacts, type KeyLookup } from '../../src/database/key-lookup.ts';
import { AppError } from '../../src/errors.ts';

const caller = { keyId: 'key_1', tenant: 'acme', scopes: ['read'], localOnly: false } as const;

let now: number;
/** What the database has. */
let row: Omit<KeyFacts, 'caller'> | undefined;
let away: boolean;
let finds: number;
let uses: number[];
/** Lets answers of the database wait. */
let gate: Promise<void>;
let lookup: KeyLookup;

const idle = () => new Promise((resolve) => setImmediate(resolve));

beforeEach(() => {
  now = 1_000_000;
  row = { expiresAt: undefined, lastUsedAt: undefined };
  [away, finds, uses, gate] = [false, 0, [], Promise.resolve()];
  const outage = () => new AppError('database_unavailable', 'Away.');
  const source = {
    find: async () => {
      finds++;
      const read = row && { ...row, caller };
      if (away) throw outage();
      await gate;
      return read;
    },
    noteUse: (_id: string, at: number) => {
      uses.push(at);
      return away ? Promise.reject(outage()) : Promise.resolve();
    },
  };
  lookup = createKeyLookup(source, () => now);
});

describe('knowing a key', () => {
  test('takes no look-up: it was valid when it was looked up last, and has not expired', async () => {
    if (row) row.expiresAt = now + 10_000;
    expect(lookup.knows('hash')).toBe(false);
    await lookup.callerOf('hash');
    now += 9_999;
    expect([lookup.knows('hash'), lookup.knows('other'), finds]).toEqual([true, false, 1]);
    now += 1;
    expect(lookup.knows('hash')).toBe(false);
  });

  test('ends when it is not found any more', async () => {
    await lookup.callerOf('hash');
    row = undefined;
    now += 5_000;
    await lookup.callerOf('hash');
    expect(lookup.knows('hash')).toBe(false);
  });
});

describe('looking up a key', () => {
  test('asks the database once for many requests at once, and for none within two seconds', async () => {
    const callers = await Promise.all(Array.from({ length: 50 }, () => lookup.callerOf('hash')));
    expect(new Set(callers)).toEqual(new Set([caller]));
    now += 2_000;
    await lookup.callerOf('hash');
    expect(finds).toBe(1);
  });

  test('of a key in use never waits for the database again', async () => {
    await lookup.callerOf('hash');
    gate = new Promise(() => undefined);
    now += 4_999;
    expect(await lookup.callerOf('hash')).toEqual(caller);
    expect(finds).toBe(2);
  });

  test.each([100, 2_400, 2_500, 4_999, 5_000])(
    'lets a key no longer in that is revoked, five seconds later, when it is used every %d ms',
    async (every) => {
      await lookup.callerOf('hash');
      row = undefined;
      const revokedAt = now;
      for (; now < revokedAt + 5_000; now += every) {
        await lookup.callerOf('hash');
        await idle();
      }
      now = revokedAt + 5_000;
      expect(await lookup.callerOf('hash')).toBeUndefined();
    },
  );

  test('does not count an answer as newer than its question', async () => {
    let open = (): void => undefined;
    gate = new Promise((resolve) => (open = resolve));
    const slow = lookup.callerOf('hash');
    row = undefined;
    now += 4_000;
    open();
    expect(await slow).toEqual(caller);
    now += 1_000;
    expect(await lookup.callerOf('hash')).toBeUndefined();
  });

  test('takes no answer that is from before a change of its own process', async () => {
    let open = (): void => undefined;
    gate = new Promise((resolve) => (open = resolve));
    row = undefined;
    const before = lookup.callerOf('hash');
    row = { expiresAt: undefined, lastUsedAt: undefined };
    lookup.forget({ hash: 'hash' });
    open();
    expect(await before).toBeUndefined();
    expect(await lookup.callerOf('hash')).toEqual(caller);
  });

  test('forgets by the id of the key, too', async () => {
    for (const found of [await lookup.callerOf('hash'), await lookup.callerById('key_1')]) expect(found).toEqual(caller);
    row = undefined;
    lookup.forget({ keyId: 'key_2' });
    expect(await lookup.callerOf('hash')).toEqual(caller);
    lookup.forget({ keyId: 'key_1' });
    for (const found of [await lookup.callerOf('hash'), await lookup.callerById('key_1')]) expect(found).toBeUndefined();
  });

  test('keeps in mind for five seconds that a key is unknown', async () => {
    row = undefined;
    for (const wait of [0, 2_500, 2_499]) {
      now += wait;
      expect(await lookup.callerOf('hash')).toBeUndefined();
    }
    expect(finds).toBe(1);
    now += 1;
    await lookup.callerOf('hash');
    expect(finds).toBe(2);
  });

  test('lets an expiring key in until its very time, however fresh it is', async () => {
    row = { expiresAt: now + 1_000, lastUsedAt: undefined };
    now += 999;
    expect(await lookup.callerOf('hash')).toEqual(caller);
    now += 1;
    expect(await lookup.callerOf('hash')).toBeUndefined();
    expect(finds).toBe(1);
  });

  test('survives an outage of less than its five seconds, then tells of it, and asks again', async () => {
    await lookup.callerOf('hash');
    away = true;
    now += 4_999;
    expect(await lookup.callerOf('hash')).toEqual(caller);
    await idle();
    now += 1;
    await expect(lookup.callerOf('hash')).rejects.toMatchObject({ code: 'database_unavailable' });
    away = false;
    expect(await lookup.callerOf('hash')).toEqual(caller);
  });
});

describe('the last use of a key', () => {
  test('is noted at most once a minute, with the time', async () => {
    const start = now;
    for (; now < start + 150_000; now += 1_000) {
      await lookup.callerOf('hash');
      await idle();
    }
    expect(uses.map((at) => at - start)).toEqual([0, 60_000, 120_000]);
  });

  test('is not noted again when another process has done so', async () => {
    row = { expiresAt: undefined, lastUsedAt: now - 59_000 };
    await lookup.callerOf('hash');
    expect(uses).toEqual([]);
  });

  test('is nothing that a request waits for, or fails of', async () => {
    await lookup.callerOf('hash');
    away = true;
    now += 4_000;
    lookup.forget({ keyId: 'key_2' });
    expect(await lookup.callerOf('hash')).toEqual(caller);
    expect(uses).toHaveLength(1);
  });

  test('is not noted when only its id was looked up', async () => {
    expect(await lookup.callerById('key_1')).toEqual(caller);
    expect(uses).toEqual([]);
    await lookup.callerOf('hash');
    expect(uses).toHaveLength(1);
  });

  test('is not noted for an expired key', async () => {
    row = { expiresAt: now, lastUsedAt: undefined };
    await lookup.callerOf('hash');
    expect(uses).toEqual([]);
  });
});
