import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { FileHandle } from 'node:fs/promises';
import { mkdir, readFile, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterEach, describe, expect, it, jest } from '@jest/globals';

import { createDiskBlobStore } from '../../../src/storage/disk.ts';
import { blobPath, chunks, fileHandles, sha256, testDirectory } from './directory.ts';

const directory = testDirectory();
const MiB = 1024 * 1024;

function store() {
  return createDiskBlobStore(directory.path);
}

afterEach(() => {
  jest.restoreAllMocks();
});

describe('stage and commit', () => {
  it('keeps bytes under their hash, readable once they are committed', async () => {
    const staged = await store().stage(chunks('Dear ', '', 'Ada'));
    expect(staged).toMatchObject({ size: 8, sha256: sha256('Dear Ada') });
    expect(staged.head.toString()).toBe('Dear Ada');
    await expect(buffer(store().read(staged.sha256))).rejects.toMatchObject({ code: 'file_not_found', retryable: false });

    await staged.commit();

    expect(await directory.files()).toEqual([blobPath(sha256('Dear Ada'))]);
    expect((await buffer(store().read(staged.sha256))).toString()).toBe('Dear Ada');
    await staged.discard();
    expect((await buffer(store().read(staged.sha256))).toString()).toBe('Dear Ada');
  });

  it('keeps an empty file, too', async () => {
    const staged = await store().stage(chunks());
    await staged.commit();
    expect(staged).toMatchObject({ size: 0, sha256: sha256(''), head: Buffer.alloc(0) });
    expect(await buffer(store().read(staged.sha256))).toHaveLength(0);
  });

  it('takes chunks of any size, and chunks that the source uses again', async () => {
    const large = randomBytes(3 * MiB + 17);
    async function* source(): AsyncGenerator<Uint8Array> {
      const reused = Buffer.alloc(1000);
      for (let at = 0; at < 5000; at += 1000) {
        large.copy(reused, 0, at, at + 1000);
        yield await Promise.resolve(reused);
      }
      yield large.subarray(5000);
    }
    const seen = createHash('sha256');
    const staged = await store().stage(source(), { observers: [(chunk) => seen.update(chunk)] });
    await staged.commit();
    expect(staged).toMatchObject({ size: large.length, sha256: sha256(large) });
    expect(staged.head.equals(large.subarray(0, 64 * 1024))).toBe(true);
    expect(seen.digest('hex')).toBe(sha256(large));
    expect((await buffer(store().read(staged.sha256))).equals(large)).toBe(true);
  });

  it('leaves nothing after discard, however often', async () => {
    const staged = await store().stage(chunks('Dear Ada'));
    expect(await directory.files()).toHaveLength(1);
    await staged.discard();
    await staged.discard();
    expect(await directory.files()).toEqual([]);
  });

  it('lets nobody but the owner look', async () => {
    const staged = await store().stage(chunks('Dear Ada'));
    await staged.commit();
    const mode = async (path: string) => ((await stat(join(directory.path, path))).mode & 0o777).toString(8);
    const blob = blobPath(staged.sha256);
    expect(await Promise.all(['', 'tmp', 'blobs', dirname(blob), blob].map(mode))).toEqual(['700', '700', '700', '700', '600']);
  });

  it('keeps one blob when many commit the same bytes at once', async () => {
    const bytes = randomBytes(2 * MiB);
    const staged = await Promise.all(Array.from({ length: 12 }, () => store().stage(chunks(bytes))));
    await Promise.all(staged.map((blob) => blob.commit()));
    expect(await directory.files()).toEqual([blobPath(sha256(bytes))]);
    expect((await buffer(store().read(sha256(bytes)))).equals(bytes)).toBe(true);
  });

  it('forgives a second commit', async () => {
    const staged = await store().stage(chunks('Dear Ada'));
    await staged.commit();
    await staged.commit();
    expect(await directory.files()).toEqual([blobPath(staged.sha256)]);
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
  it.each([
    [0, 0, 'D'],
    [5, 7, 'Ada'],
    [5, 7000, 'Ada'],
    [0, 7, 'Dear Ada'],
  ])('gives the bytes %i to %i, both included', async (start, end, expected) => {
    const staged = await store().stage(chunks('Dear Ada'));
    await staged.commit();
    expect((await buffer(store().read(staged.sha256, { start, end }))).toString()).toBe(expected);
  });

  it('gives up the file when the reader leaves', async () => {
    const staged = await store().stage(chunks(Buffer.alloc(3 * MiB)));
    await staged.commit();
    const stream = store().read(staged.sha256);
    await once(stream, 'readable');
    stream.destroy();
    await once(stream, 'close');
    expect(stream.destroyed).toBe(true);
  });

  it.each(['', '../../etc/passwd', 'A'.repeat(64), `${'a'.repeat(63)}/`, 'a'.repeat(65)])('takes no %j for a hash', (hash) => {
    expect(() => store().read(hash)).toThrow('Not a SHA-256');
  });

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
