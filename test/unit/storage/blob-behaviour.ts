import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { describe, expect, it, jest } from '@jest/globals';

import type { BlobStore } from '../../../src/storage/blobs.ts';
import { blobPath, chunks, sha256 } from './directory.ts';

const MiB = 1024 * 1024;
const hour = 3_600_000;

/** A place for blobs of which nothing is there when a test begins. */
export interface BlobPlace {
  store(): BlobStore;
  /** All that lies there, in the form `blobs/ab/cdef…`, and what waits to be committed; sorted. */
  left(): Promise<string[]>;
  makeOld(path: string): Promise<void>;
  /** Where a test may put files of its own. */
  readonly aside: string;
}

const using =
  (...used: string[]) =>
  (asked: string[]): Promise<Set<string>> =>
    Promise.resolve(new Set(asked.filter((hash) => used.includes(hash))));

/** What every blob store must do, wherever it keeps its bytes. */
export function blobBehaviour(place: BlobPlace): void {
  const store = () => place.store();
  const bytesOf = async (hash: string, range?: { start: number; end: number }) => (await buffer(store().read(hash, range))).toString();

  describe('stage and commit', () => {
    it('keeps bytes under their hash, readable once they are committed', async () => {
      const staged = await store().stage(chunks('Dear ', '', 'Ada'));
      expect(staged).toMatchObject({ size: 8, sha256: sha256('Dear Ada') });
      expect(staged.head.toString()).toBe('Dear Ada');
      await expect(buffer(store().read(staged.sha256))).rejects.toMatchObject({ code: 'file_not_found', retryable: false });

      await staged.commit();

      expect(await place.left()).toEqual([blobPath(sha256('Dear Ada'))]);
      expect(await bytesOf(staged.sha256)).toBe('Dear Ada');
      await staged.discard();
      expect(await bytesOf(staged.sha256)).toBe('Dear Ada');
    });

    it('keeps an empty file, too', async () => {
      const staged = await store().stage(chunks());
      await staged.commit();
      expect(staged).toMatchObject({ size: 0, sha256: sha256(''), head: Buffer.alloc(0) });
      expect(await bytesOf(staged.sha256)).toBe('');
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

    it('keeps what something else writes, and what lies in a file already', async () => {
      const written = await store().stageWritten((path) => writeFile(path, 'Dear Ada'));
      await written.commit();
      const path = join(place.aside, 'letter');
      await writeFile(path, 'Dear Bob');
      const lying = await store().stageFile(path);
      await lying.commit();
      expect([await bytesOf(written.sha256), await bytesOf(lying.sha256)]).toEqual(['Dear Ada', 'Dear Bob']);
      expect(await place.left()).toEqual([blobPath(sha256('Dear Ada')), blobPath(sha256('Dear Bob'))].sort());
    });

    it('leaves nothing after discard, however often', async () => {
      const staged = await store().stage(chunks('Dear Ada'));
      expect(await place.left()).toHaveLength(1);
      await staged.discard();
      await staged.discard();
      expect(await place.left()).toEqual([]);
    });

    it('keeps one blob when many commit the same bytes at once', async () => {
      const bytes = randomBytes(2 * MiB);
      const staged = await Promise.all(Array.from({ length: 12 }, () => store().stage(chunks(bytes))));
      await Promise.all(staged.map((blob) => blob.commit()));
      expect(await place.left()).toEqual([blobPath(sha256(bytes))]);
      expect((await buffer(store().read(sha256(bytes)))).equals(bytes)).toBe(true);
    });

    it('forgives a second commit', async () => {
      const staged = await store().stage(chunks('Dear Ada'));
      await staged.commit();
      await staged.commit();
      expect(await place.left()).toEqual([blobPath(staged.sha256)]);
    });
  });

  describe('failures while bytes come in', () => {
    it('refuses more than the limit, closes the source and leaves nothing', async () => {
      const source = Readable.from(chunks(Buffer.alloc(2 * MiB), 'x', 'never asked for'));
      await expect(store().stage(source, { maxBytes: 2 * MiB })).rejects.toMatchObject({
        code: 'payload_too_large',
        retryable: false,
        message: 'The file is larger than the limit of 2097152 bytes.',
      });
      expect(await place.left()).toEqual([]);
      expect(source.destroyed).toBe(true);
    });

    it('takes exactly as much as the limit', async () => {
      const staged = await store().stage(chunks(Buffer.alloc(2 * MiB)), { maxBytes: 2 * MiB });
      expect(staged.size).toBe(2 * MiB);
      await staged.discard();
    });

    it.each([undefined, new AbortController().signal])('passes on what the source throws and leaves nothing', async (signal) => {
      const failure = new Error('client hung up');
      async function* source(): AsyncGenerator<Uint8Array> {
        yield* chunks(Buffer.alloc(2 * MiB));
        throw failure;
      }
      await expect(store().stage(source(), { ...(signal && { signal }) })).rejects.toBe(failure);
      expect(await place.left()).toEqual([]);
    });

    it('ends with the reason of the signal while the source is silent, and leaves nothing', async () => {
      const abort = new AbortController();
      const reason = new Error('cancelled');
      const source = new Readable({ read: jest.fn() });
      source.push(Buffer.alloc(2 * MiB));
      const observers = [
        () => {
          setImmediate(() => {
            abort.abort(reason);
          });
        },
      ];
      await expect(store().stage(source, { signal: abort.signal, observers })).rejects.toBe(reason);
      expect(await place.left()).toEqual([]);
      expect(source.destroyed).toBe(true);
    });

    it('does not begin when the signal is aborted already', async () => {
      const reason = new Error('cancelled');
      await expect(store().stage(chunks('x'), { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
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
      expect(await bytesOf(staged.sha256, { start, end })).toBe(expected);
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
  });

  describe('sweep', () => {
    const stage = (text: string) => store().stage(chunks(text));
    /** Committed long ago. */
    async function oldBlob(text: string): Promise<string> {
      const staged = await stage(text);
      await staged.commit();
      await place.makeOld(blobPath(staged.sha256));
      return staged.sha256;
    }

    it('has nothing to do before the first upload', async () => {
      expect(await store().sweep({ referenced: using(), olderThanMs: hour })).toEqual({ temporary: 0, blobs: 0 });
    });

    it('removes what is old and unused, and leaves what is used or young', async () => {
      const [used, unused] = [await oldBlob('used'), await oldBlob('unused')];
      const young = await stage('young');
      await young.commit();
      expect(await store().sweep({ referenced: using(used), olderThanMs: hour })).toEqual({ temporary: 0, blobs: 1 });
      const left = await place.left();
      expect(left).toEqual(expect.arrayContaining([blobPath(used), blobPath(young.sha256)]));
      expect(left).not.toContain(blobPath(unused));
    });

    it('removes what was staged and forgotten, and nothing that is still coming in', async () => {
      const abandoned = await stage('abandoned');
      for (const path of await place.left()) await place.makeOld(path);
      await stage('still coming in');
      expect(await store().sweep({ referenced: using(), olderThanMs: hour })).toEqual({ temporary: 1, blobs: 0 });
      expect(await place.left()).toHaveLength(1);
      // Whoever left it lying that long is told to begin again.
      await expect(abandoned.commit()).rejects.toMatchObject({ code: 'storage_unavailable', retryable: true });
    });

    it('costs nobody bytes that are committed again while records are asked', async () => {
      const hash = await oldBlob('Dear Ada');
      const again = await stage('Dear Ada');
      await store().sweep({
        olderThanMs: hour,
        referenced: async () => {
          await again.commit();
          return new Set();
        },
      });
      expect(await bytesOf(hash)).toBe('Dear Ada');
    });
  });
}
