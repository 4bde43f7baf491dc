import { writeFile } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { afterEach, describe, expect, it, jest } from '@jest/globals';

import { createDiskBlobStore } from '../../../src/storage/disk.ts';
import { blobPath, chunks, fileHandles, testDirectory } from './directory.ts';

const directory = testDirectory();
const MiB = 1024 * 1024;

function store() {
  return createDiskBlobStore(directory.path);
}

function systemError(code: string): Error {
  return Object.assign(new Error(`${code}: no such luck, write`), { code });
}

afterEach(() => {
  jest.restoreAllMocks();
});

describe('failures while bytes come in', () => {
  it('refuses more than the limit, closes the source and leaves nothing', async () => {
    const source = Readable.from(chunks(Buffer.alloc(2 * MiB), 'x', 'never asked for'));
    const refusal = store().stage(source, { maxBytes: 2 * MiB });
    await expect(refusal).rejects.toMatchObject({
      code: 'payload_too_large',
      retryable: false,
      message: 'The file is larger than the limit of 2097152 bytes.',
    });
    expect(await directory.files()).toEqual([]);
    expect(source.destroyed).toBe(true);
  });

  it('takes exactly as much as the limit', async () => {
    expect((await store().stage(chunks(Buffer.alloc(2 * MiB)), { maxBytes: 2 * MiB })).size).toBe(2 * MiB);
  });

  it.each([undefined, new AbortController().signal])('passes on what the source throws and leaves nothing', async (signal) => {
    const failure = new Error('client hung up');
    async function* source(): AsyncGenerator<Uint8Array> {
      yield* chunks(Buffer.alloc(2 * MiB));
      throw failure;
    }
    await expect(store().stage(source(), { ...(signal && { signal }) })).rejects.toBe(failure);
    expect(await directory.files()).toEqual([]);
  });

  it('ends with the reason of the signal while the source is silent, and leaves nothing', async () => {
    const abort = new AbortController();
    const reason = new Error('cancelled');
    const source = new Readable({ read: jest.fn() });
    source.push(Buffer.alloc(2 * MiB));
    const staging = store().stage(source, {
      signal: abort.signal,
      observers: [
        () => {
          setImmediate(() => {
            abort.abort(reason);
          });
        },
      ],
    });
    await expect(staging).rejects.toBe(reason);
    expect(await directory.files()).toEqual([]);
    expect(source.destroyed).toBe(true);
  });

  it('does not begin when the signal is aborted already', async () => {
    const reason = new Error('cancelled');
    await expect(store().stage(chunks('x'), { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });

  it.each([
    ['ENOSPC', 'storage_full'],
    ['EDQUOT', 'storage_full'],
    ['EIO', 'storage_unavailable'],
  ])('calls %s a %s, worth a retry, and leaves nothing', async (errno, code) => {
    jest.spyOn(await fileHandles(), 'writeFile').mockRejectedValueOnce(systemError(errno));
    await expect(store().stage(chunks(Buffer.alloc(3 * MiB)))).rejects.toMatchObject({ code, retryable: true });
    expect(await directory.files()).toEqual([]);
  });

  it('says that the storage is full, and nothing of paths', async () => {
    const staged = await store().stage(chunks('Dear Ada'));
    jest.spyOn(await fileHandles(), 'sync').mockRejectedValueOnce(systemError('ENOSPC'));
    await expect(staged.commit()).rejects.toMatchObject({ message: 'The file storage is full.' });
    await expect(buffer(store().read(staged.sha256))).rejects.toMatchObject({ code: 'file_not_found' });
    // The bytes are still staged: another attempt may succeed.
    await staged.commit();
    expect(await directory.files()).toEqual([blobPath(staged.sha256)]);
  });

  it('calls a directory that can not be made an unavailable storage', async () => {
    await writeFile(directory.path, 'a file where the directory should be');
    await expect(store().stage(chunks('x'))).rejects.toMatchObject({ code: 'storage_unavailable', retryable: true });
    await expect(store().check()).rejects.toMatchObject({ code: 'storage_unavailable' });
  });
});
