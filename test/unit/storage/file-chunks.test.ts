import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';

import { fileChunks, type Reading } from '../../../src/storage/file-chunks.ts';
import { testDirectory } from './directory.ts';

const directory = testDirectory();

async function read(bytes: Buffer, reading: Reading): Promise<Buffer> {
  const path = join(directory.path, '..', 'chunks');
  await writeFile(path, bytes);
  const chunks: Buffer[] = [];
  for await (const chunk of fileChunks(path, reading)) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

test.each<[string, Reading]>([
  ['each in memory of its own', {}],
  ['in place', { inPlace: true }],
])('the bytes of a file come, all or those of a range, %s', async (_, reading) => {
  for (const size of [0, 1, 256 * 1024, 600_000]) {
    const bytes = randomBytes(size);
    expect((await read(bytes, reading)).equals(bytes)).toBe(true);
    for (const range of [
      { start: 0, end: 0 },
      { start: 5, end: 300_000 },
      { start: 262_144, end: 10_000_000 },
    ])
      // prettier-ignore
      expect((await read(bytes, { ...reading, range })).equals(bytes.subarray(range.start, range.end + 1))).toBe(true);
  }
});

test('chunks that may be kept stay as they are', async () => {
  const path = join(directory.path, '..', 'chunks');
  const bytes = randomBytes(600_000);
  await writeFile(path, bytes);
  const kept: Buffer[] = [];
  for await (const chunk of fileChunks(path)) kept.push(chunk);
  expect(Buffer.concat(kept).equals(bytes)).toBe(true);
});
