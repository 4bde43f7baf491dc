import { describe, expect, test } from '@jest/globals';

import { eventually } from '../support/eventually.ts';

describe('eventually', () => {
  test('gives the result of the first attempt that passes', async () => {
    let attempts = 0;
    const result = await eventually(
      () => {
        attempts += 1;
        if (attempts < 3) throw new Error(`attempt ${String(attempts)}`);
        return Promise.resolve(attempts);
      },
      { every: 1 },
    );
    expect(result).toBe(3);
  });

  test('tries once more only after the pause', async () => {
    const at: number[] = [];
    await eventually(
      () => {
        at.push(performance.now());
        expect(at.length).toBeGreaterThan(1);
      },
      { every: 40 },
    );
    // Timers may fire a little early by this clock.
    expect((at[1] ?? 0) - (at[0] ?? 0)).toBeGreaterThanOrEqual(38);
  });

  test('throws, at the deadline, what the last attempt threw', async () => {
    let attempts = 0;
    const never = eventually(
      () => {
        attempts += 1;
        throw new Error(`attempt ${String(attempts)}`);
      },
      { within: 50, every: 5 },
    );
    await expect(never).rejects.toThrow(/^attempt \d+$/);
    await expect(never).rejects.toThrow(`attempt ${String(attempts)}`);
    expect(attempts).toBeGreaterThan(1);
  });

  test('gives up an attempt that hangs, with the reason of the one before it', async () => {
    let attempts = 0;
    const hanging = eventually(
      () => {
        attempts += 1;
        return attempts === 1 ? Promise.reject(new Error('the reason')) : new Promise<never>(() => undefined);
      },
      { within: 50, every: 1 },
    );
    await expect(hanging).rejects.toThrow('the reason');
  });

  test('says so when the only attempt hangs', async () => {
    await expect(eventually(() => new Promise(() => undefined), { within: 20 })).rejects.toThrow('neither passed nor failed within 20 ms');
  });

  test('tries at least once, however short the time', async () => {
    await expect(eventually(() => Promise.resolve('there'), { within: 0 })).resolves.toBe('there');
  });
});
