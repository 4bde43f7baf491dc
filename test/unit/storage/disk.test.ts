import { existsSync } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { mkdir, readFile, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterEach, describe, expect, it, jest } from '@jest/globals';

import { createDiskBlobStore } from '../../../src/storage/disk.ts';
import { blobBehaviour } from './blob-behaviour.ts';
import { blobPath, chunks, fileHandles, sha256, testDirectory } from './directory.ts';

const directory = testDirectory();

function store() {
  return createDiskBlobStore(directory.path);
}

afterEach(() => {
  jest.restoreAllMocks();
});

describe('as any blob store', () => {
  blobBehaviour({
    store,
    left: async () => (existsSync(directory.path) ? directory.files() : []),
    makeOld: (path) => directory.makeOld(path),
    get aside() {
      return dirname(directory.path);
    },
  });
});

describe('commit', () => {
  it('lets nobody but the owner look', async () => {
    const staged = await store().stage(chunks('Dear Ada'));
    await staged.commit();
    const mode = async (path: string) => ((await stat(join(directory.path, path))).mode & 0o777).toString(8);
    const blob = blobPath(staged.sha256);
    expect(await Promise.all(['', 'tmp', 'blobs', dirname(blob), blob].map(mode))).toEqual(['700', '700', '700', '700', '600']);
  });

  it('makes the bytes durable before their name appears, and the name before it says so', async () => {
    const staged = await store().stage(chunks('Dear Ada'));
    const handles = await fileHandles();
    // eslint-disable-next-line @typescript-eslint/unbound-method -- called with its handle below
    const sync = handles.sync;
    const synced: string[] = [];
    jest.spyOn(handles, 'sync').mockImplementation(async function (this: FileHandle) {
      const kind = (await this.stat()).isFile() ? 'bytes' : 'directory';
      const name = (await directory.files()).includes(blobPath(staged.sha256)) ? 'named' : 'nameless';
      synced.push(`${kind} while ${name}`);
      await sync.call(this);
    });
    await staged.commit();
    expect(synced[0]).toBe('bytes while nameless');
    expect(synced.at(-1)).toBe('directory while named');
  });
});

describe('read', () => {
  it('tells a storage that fails from bytes that are not there', async () => {
    const hash = sha256('Dear Ada');
    await mkdir(join(directory.path, blobPath(hash)), { recursive: true });
    await expect(buffer(store().read(hash))).rejects.toMatchObject({ code: 'storage_unavailable', retryable: true });
  });
});

describe('link', () => {
  it('names the bytes once more, and they outlive the blob', async () => {
    const staged = await store().stage(chunks('Dear Ada'));
    const path = join(directory.path, 'linked');
    expect(await store().link?.(staged.sha256, path)).toBe(false);
    await staged.commit();
    expect(await store().link?.(staged.sha256, path)).toBe(true);
    await rm(join(directory.path, blobPath(staged.sha256)));
    expect(await readFile(path, 'utf8')).toBe('Dear Ada');
  });
});

describe('check', () => {
  it('passes when bytes can be written, and leaves nothing', async () => {
    await store().check();
    expect(await directory.files()).toEqual([]);
    await rm(directory.path, { recursive: true });
    await store().check();
    expect(await directory.files()).toEqual([]);
  });
});
