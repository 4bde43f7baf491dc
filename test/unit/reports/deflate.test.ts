import { expect, test } from '@jest/globals';
import { inflateRawSync } from 'node:zlib';

import { deflateEnd, deflater } from '../../../src/reports/deflate.ts';

test('pieces that several deflaters have packed are one stream', async () => {
  const [one, other] = [deflater(), deflater()];
  const pieces = [Buffer.alloc(300_000, 'one piece, '), Buffer.from('another'), Buffer.alloc(500_000, 'and the last')];
  const packed = [await one.pack(pieces[0] as Buffer), await other.pack(pieces[1] as Buffer), await one.pack(pieces[2] as Buffer)];
  expect(inflateRawSync(Buffer.concat([...packed, deflateEnd])).equals(Buffer.concat(pieces))).toBe(true);
  one.close();
  other.close();
});

test('a piece that can not be packed is no empty piece', async () => {
  const closed = deflater();
  closed.close();
  await expect(closed.pack(Buffer.from('text'))).rejects.toMatchObject({ code: 'ERR_STREAM_DESTROYED' });
});
