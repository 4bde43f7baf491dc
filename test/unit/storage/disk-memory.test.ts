import { randomBytes } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { afterEach, describe, expect, it, jest } from '@jest/globals';

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

  it('takes no more from the source while the disk is busy', async () => {
    const handles = await fileHandles();
    // eslint-disable-next-line @typescript-eslint/unbound-method -- called with its handle below
    const write = handles.writeFile;
    let busy = false;
    jest.spyOn(handles, 'writeFile').mockImplementation(async function (this: FileHandle, data) {
      busy = true;
      for (let i = 0; i < 10; i += 1) await new Promise(setImmediate);
      await write.call(this, data);
      busy = false;
    });
    const whileBusy: number[] = [];
    async function* source(): AsyncGenerator<Uint8Array> {
      for (let i = 0; i < 64; i += 1) {
        if (busy) whileBusy.push(i);
        yield await Promise.resolve(Buffer.alloc(64 * 1024));
      }
    }
    await (await store().stage(source())).discard();
    expect(whileBusy).toEqual([]);
  });
});
