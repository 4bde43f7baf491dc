import { describe, expect, test } from '@jest/globals';

import { AppError } from '../../../src/errors.ts';
import { linesOf } from '../../../src/jobs/lines.ts';

async function* inPieces(bytes: Uint8Array, size: number) {
  for (let from = 0; from < bytes.length; from += size) {
    await Promise.resolve();
    yield bytes.subarray(from, from + size);
  }
}

async function read(text: string | Uint8Array, size: number, maxBytes = 100) {
  const lines: [number, string][] = [];
  for await (const { number, text: line } of linesOf(inPieces(Buffer.from(text), size), () => maxBytes)) lines.push([number, line]);
  return lines;
}

describe('lines of a stream', () => {
  test.each([1, 2, 3, 5, 1_000])('are the same in pieces of %d bytes, with their numbers', async (size) => {
    const text = '\ufeffone\r\n\n \nzwölf 🔑\u2028end\nlast';
    expect(await read(text, size)).toEqual([
      [1, 'one'],
      [4, 'zwölf 🔑\u2028end'],
      [5, 'last'],
    ]);
  });

  test.each([1, 7, 1_000])('end with the one that is too long, in pieces of %d bytes', async (size) => {
    const reading = read(`ok\n${'x'.repeat(101)}\nok\n`, size);
    await expect(reading).rejects.toThrow(new AppError('payload_too_large', 'Line 2 is longer than 100 bytes.'));
  });

  test('end with the first one that is not UTF-8', async () => {
    await expect(read(Buffer.from('ok\n\xff\n', 'latin1'), 2)).rejects.toMatchObject({
      code: 'source_unreadable',
      message: 'Line 2 is not valid UTF-8.',
    });
  });
});
