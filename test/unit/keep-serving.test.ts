import { expect, jest, test } from '@jest/globals';

import { keepServing, type Servant } from '../../src/temporal/keep-serving.ts';

/** Runs until it is shut down, as a Temporal worker does. */
function servant(): Servant & { shutdown: jest.Mock<() => void> } {
  let end: (() => void) | undefined;
  const running = new Promise<void>((resolve) => {
    end = resolve;
  });
  return { run: () => running, shutdown: jest.fn(() => end?.()) };
}

const failing: Servant = { run: () => Promise.reject(new Error('lost')), shutdown: () => undefined };

test('stopping ends the worker that runs', async () => {
  const only = servant();
  const serving = keepServing(only, () => Promise.reject(new Error('not wanted')), { onFailure: () => undefined, restartMs: 1 });
  await serving.stop();
  expect(only.shutdown).toHaveBeenCalledTimes(1);
});

test('a worker that fails is made anew, and each failure is told', async () => {
  const failures: unknown[] = [];
  const second = servant();
  let asked: (() => void) | undefined;
  const making = new Promise<void>((resolve) => {
    asked = resolve;
  });
  const make = () => {
    asked?.();
    return Promise.resolve(second);
  };
  const serving = keepServing(failing, make, { onFailure: (error) => failures.push(error), restartMs: 1 });
  await making;
  await serving.stop();
  expect(second.shutdown).toHaveBeenCalledTimes(1);
  expect(failures).toEqual([expect.objectContaining({ message: 'lost' })]);
});

test('a worker that is being made while we stop is shut down, too', async () => {
  const late = servant();
  let finish: ((made: Servant) => void) | undefined;
  let asked: (() => void) | undefined;
  const making = new Promise<void>((resolve) => {
    asked = resolve;
  });
  const make = () =>
    new Promise<Servant>((resolve) => {
      finish = resolve;
      asked?.();
    });
  const serving = keepServing(failing, make, { onFailure: () => undefined, restartMs: 1 });
  await making;
  const stopped = serving.stop();
  finish?.(late);
  await stopped;
  expect(late.shutdown).toHaveBeenCalledTimes(1);
});
