import { writeFile } from 'node:fs/promises';
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

describe('a disk that fails', () => {
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
    // The system takes these bytes for written from now on: only bytes that come anew may succeed.
    await expect(staged.commit()).rejects.toMatchObject({ code: 'storage_full' });
    await staged.discard();
    const again = await store().stage(chunks('Dear Ada'));
    await again.commit();
    expect(await directory.files()).toEqual([blobPath(staged.sha256)]);
  });

  it('is noticed when it fails while more comes', async () => {
    const handles = await fileHandles();
    const bytes = Buffer.alloc(33 * MiB);
    jest.spyOn(handles, 'datasync').mockRejectedValueOnce(systemError('EIO'));
    await expect(store().stage(chunks(bytes))).rejects.toMatchObject({ code: 'storage_unavailable', retryable: true });
    jest.spyOn(handles, 'datasync').mockRejectedValueOnce(systemError('ENOSPC'));
    await expect(store().stageWritten((path) => writeFile(path, bytes))).rejects.toMatchObject({ code: 'storage_full', retryable: true });
    expect(await directory.files()).toEqual([]);
  });

  it('calls a directory that can not be made an unavailable storage', async () => {
    await writeFile(directory.path, 'a file where the directory should be');
    await expect(store().stage(chunks('x'))).rejects.toMatchObject({ code: 'storage_unavailable', retryable: true });
    await expect(store().check()).rejects.toMatchObject({ code: 'storage_unavailable' });
  });
});
