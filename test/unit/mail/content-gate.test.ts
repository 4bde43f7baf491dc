import { describe, expect, test } from '@jest/globals';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';

import { gateOf } from '../../../src/mail/content-gate.ts';

const long = Buffer.alloc(100_000, 'long ');
const contents: [name: string, () => Readable | Buffer][] = [
  ['in one piece', () => long],
  ['as a stream', () => Readable.from([long.subarray(0, 50_000), long.subarray(50_000)])],
];

describe.each(contents)('what stands before a gate, %s,', (_name, content) => {
  test('goes through whole, once it is open, and is known to have', async () => {
    let opened = 0;
    const gate = gateOf(() => Promise.resolve(void (opened += 1)));
    const stream = gate.around(content());
    expect([opened, gate.begun(), gate.ended()]).toEqual([0, false, false]);
    expect((await buffer(stream)).equals(long)).toBe(true);
    expect([opened, gate.begun(), gate.ended()]).toEqual([1, true, true]);
  });

  test('has not ended while some of it is still here', async () => {
    const gate = gateOf(() => Promise.resolve());
    const stream = gate.around(content());
    for await (const piece of stream as AsyncIterable<Buffer>) {
      expect(piece.length).toBeLessThan(long.length);
      expect([gate.begun(), gate.ended()]).toEqual([true, false]);
      break;
    }
  });

  test.each([false, true])('stays here when the gate does not open; early: %s', async (early) => {
    const reason = new Error('no');
    const gate = gateOf(() => Promise.reject(reason), { early });
    await expect(buffer(gate.around(content()))).rejects.toThrow('held back');
    expect([gate.refusal(), gate.begun(), gate.ended()]).toEqual([reason, false, false]);
  });

  test('finds it open, if that may be early; and has it opened anew where that is long ago', async () => {
    let [opened, now] = [0, 0];
    const gate = gateOf(() => Promise.resolve(void (opened += 1)), { early: true, clock: () => now });
    expect(opened).toBe(1);
    now = 900;
    expect((await buffer(gate.around(content()))).equals(long)).toBe(true);
    expect(opened).toBe(1);
    now = 1_100;
    expect((await buffer(gate.around(content()))).equals(long)).toBe(true);
    expect(opened).toBe(2);
  });
});
