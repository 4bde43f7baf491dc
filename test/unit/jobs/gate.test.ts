import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';

import { AppError } from '../../../src/errors.ts';
import { createGate, type Gate } from '../../../src/jobs/gate.ts';

class Outage extends Error {}

/** Settles when the test says so. */
let probes: { resolve: () => void; reject: (error: Error) => void }[];
let gate: Gate;

beforeEach(() => {
  jest.useFakeTimers();
  probes = [];
  gate = createGate({
    deadlineMs: 4_000,
    probeEveryMs: 1_000,
    isOutage: (error) => error instanceof Outage,
    probe: () =>
      new Promise<void>((resolve, reject) => {
        probes.push({ resolve, reject });
      }),
  });
});
afterEach(() => {
  gate.close();
  jest.useRealTimers();
});

const unavailable = { code: 'temporal_unavailable', retryable: true, retryAfterSeconds: 5 };
const hanging = () => new Promise<never>(() => undefined);
const refused = () => Promise.reject(new Outage('connection refused'));
const answers = () => Promise.resolve('answer');

async function outage(): Promise<void> {
  await expect(gate(refused)).rejects.toMatchObject(unavailable);
}

describe('a call through the gate', () => {
  test('gives what the call gives', async () => {
    await expect(gate(answers)).resolves.toBe('answer');
  });

  test('answers at the deadline although the call hangs', async () => {
    const outcome = gate(hanging).catch((error: unknown) => error);
    await jest.advanceTimersByTimeAsync(4_000);
    expect(await outcome).toMatchObject(unavailable);
  });

  test('leaves no timer behind when it was answered', async () => {
    await gate(answers);
    expect(jest.getTimerCount()).toBe(0);
  });

  test('is not unavailable because Temporal, or anything else, refused it', async () => {
    const refusal = new AppError('invalid_request', 'no');
    await expect(gate(() => Promise.reject(refusal))).rejects.toBe(refusal);
    await expect(gate(answers)).resolves.toBe('answer');
    expect(jest.getTimerCount()).toBe(0);
  });

  test('hides what the connection said, but keeps it as the cause', async () => {
    const error = (await gate(refused).catch((caught: unknown) => caught)) as AppError;
    expect(error.message).not.toContain('refused');
    expect(error.cause).toBeInstanceOf(Outage);
  });

  test('that fails after its deadline does no harm', async () => {
    let fail = (): void => undefined;
    const outcome = gate(
      () =>
        new Promise<never>((_resolve, reject) => {
          fail = () => {
            reject(new Outage());
          };
        }),
    ).catch((error: unknown) => error);
    await jest.advanceTimersByTimeAsync(4_000);
    fail();
    await expect(outcome).resolves.toMatchObject(unavailable);
  });
});

describe('after one outage', () => {
  test('every call is refused at once, without being made', async () => {
    await outage();
    const call = jest.fn(answers);
    await expect(gate(call)).rejects.toMatchObject(unavailable);
    expect(call).not.toHaveBeenCalled();
    expect(gate.assertOpen).toThrow(expect.objectContaining(unavailable));
  });

  test('so it is after a call that hung', async () => {
    const hung = gate(hanging).catch(() => undefined);
    await jest.advanceTimersByTimeAsync(4_000);
    await hung;
    await expect(gate(answers)).rejects.toMatchObject(unavailable);
  });

  test('a probe that succeeds lets calls through again', async () => {
    await outage();
    await jest.advanceTimersByTimeAsync(1_000);
    expect(probes).toHaveLength(1);
    await expect(gate(answers)).rejects.toMatchObject(unavailable);
    probes[0]?.resolve();
    await jest.advanceTimersByTimeAsync(0);
    await expect(gate(answers)).resolves.toBe('answer');
    expect(jest.getTimerCount()).toBe(0);
  });

  test('a probe that fails is repeated, one at a time', async () => {
    await outage();
    await outage();
    for (let round = 1; round <= 3; round += 1) {
      await jest.advanceTimersByTimeAsync(1_000);
      expect(probes).toHaveLength(round);
      await expect(gate(answers)).rejects.toMatchObject(unavailable);
      probes.at(-1)?.reject(new Outage());
      await jest.advanceTimersByTimeAsync(0);
    }
  });

  test('a closed gate probes no more, also when a probe was under way', async () => {
    await outage();
    await jest.advanceTimersByTimeAsync(1_000);
    gate.close();
    probes[0]?.reject(new Outage());
    await jest.advanceTimersByTimeAsync(10_000);
    expect(probes).toHaveLength(1);
    expect(jest.getTimerCount()).toBe(0);
  });

  test('a probe that hangs does not keep the gate shut for ever', async () => {
    await outage();
    await jest.advanceTimersByTimeAsync(1_000);
    await jest.advanceTimersByTimeAsync(10_000);
    expect(probes.length).toBeGreaterThan(1);
    probes.at(-1)?.resolve();
    await jest.advanceTimersByTimeAsync(0);
    await expect(gate(answers)).resolves.toBe('answer');
  });
});
