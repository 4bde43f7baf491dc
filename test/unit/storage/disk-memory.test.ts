import { randomBytes } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { afterEach, describe, expect, it, jest } from '@jest/globals';

import { blockBytes } from '../../../src/storage/block-writer.ts';
import { createDiskBlobStore } from '../../../src/storage/disk.ts';
import { fileHandles, testDirectory } from './directory.ts';

const directory = testDirectory();
const MiB = 1024 * 1024;

function store() {
  return createDiskBlobStore(directory.path);
}

afterEach(() => {
  jest.restoreAllMocks();
});

describe('memory', () => {
  it('stays constant while 200 MB stream in and out', async () => {
    const chunk = randomBytes(64 * 1024);
    const before = process.memoryUsage().arrayBuffers;
    let peak = 0;
    const measure = (): void => {
      peak = Math.max(peak, process.memoryUsage().arrayBuffers - before);
    };
    async function* source(): AsyncGenerator<Uint8Array> {
      for (let i = 0; i < 3200; i += 1) {
        measure();
        yield await Promise.resolve(chunk);
      }
    }

    const staged = await store().stage(source(), { signal: new AbortController().signal });
    await staged.commit();
    expect(staged.size).toBe(3200 * 65_536);
    expect(peak).toBeLessThan(16 * MiB);

    let size = 0;
    for await (const read of store().read(staged.sha256) as AsyncIterable<Buffer>) {
      size += read.length;
      measure();
    }
    expect(size).toBe(staged.size);
    expect(peak).toBeLessThan(64 * MiB);
  });

  it('takes one block more from the source while the disk is busy, and no more', async () => {
    const handles = await fileHandles();
    // eslint-disable-next-line @typescript-eslint/unbound-method -- called with its handle below
    const write = handles.writeFile;
    let taken = 0;
    const takenMeanwhile: number[] = [];
    jest.spyOn(handles, 'writeFile').mockImplementation(async function (this: FileHandle, data) {
      const before = taken;
      for (let i = 0; i < 100; i += 1) await new Promise(setImmediate);
      takenMeanwhile.push(taken - before);
      await write.call(this, data);
    });
    async function* source(): AsyncGenerator<Uint8Array> {
      for (; taken < 64; taken += 1) yield await Promise.resolve(Buffer.alloc(64 * 1024));
    }
    await (await store().stage(source())).discard();
    const inBlock = blockBytes / 64 / 1024;
    expect(takenMeanwhile).toHaveLength(64 / inBlock);
    expect(Math.max(...takenMeanwhile)).toBeLessThanOrEqual(inBlock);
  });
});
