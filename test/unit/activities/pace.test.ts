import { expect, test } from '@jest/globals';

import { createPace } from '../../../activities/pace.ts';

const never = new AbortController().signal;

test('lost time is made up for, but not more than a second of it', async () => {
  const since = Date.now();
  const pace = createPace(100, 0);
  for (let turn = 0; turn < 110; turn++) expect(await pace.turn(never)).toBe(true);
  // A hundred turns at once for the second that was lost, and then one each ten milliseconds.
  expect(pace.nextTurn()).toBeGreaterThanOrEqual(since - 1_000 + 110 * 10);
  expect(Date.now()).toBeGreaterThanOrEqual(since - 1_000 + 109 * 10 - 2);
});

test("another machine's clock holds nobody up for longer than one turn", () => {
  const pace = createPace(0.1, Date.now() + 3_600_000);
  expect(pace.nextTurn()).toBeLessThanOrEqual(Date.now() + 10_000);
});

test('nobody has a turn after the signal', async () => {
  const abort = new AbortController();
  const pace = createPace(0.1, null);
  expect(await pace.turn(abort.signal)).toBe(true);
  const waiting = pace.turn(abort.signal);
  abort.abort();
  expect(await waiting).toBe(false);
});
