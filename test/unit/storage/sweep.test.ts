import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { describe, expect, it } from '@jest/globals';

import { createDiskBlobStore } from '../../../src/storage/disk.ts';
import { blobPath, chunks, testDirectory } from './directory.ts';

const directory = testDirectory();
const hour = 3_600_000;

function stage(text: string) {
  return createDiskBlobStore(directory.path).stage(chunks(text));
}

/** Committed long ago. */
async function oldBlob(text: string): Promise<string> {
  const staged = await stage(text);
  await staged.commit();
  await directory.makeOld(blobPath(staged.sha256));
  return staged.sha256;
}

const using =
  (...used: string[]) =>
  (asked: string[]): Promise<Set<string>> =>
    Promise.resolve(new Set(asked.filter((hash) => used.includes(hash))));

describe('sweep', () => {
  it('removes what is old and unused, and leaves what is used or young', async () => {
    const [used, unused] = [await oldBlob('used'), await oldBlob('unused')];
    const young = await stage('young');
    await young.commit();
    await stage('being uploaded');
    const abandoned = await stage('abandoned');
    const before = await directory.files();
    for (const file of before.filter((path) => path.startsWith('tmp/'))) await directory.makeOld(file);
    await stage('still coming in');

    const swept = await createDiskBlobStore(directory.path).sweep({ referenced: using(used), olderThanMs: hour });

    expect(swept).toEqual({ temporary: 2, blobs: 1 });
    const left = await directory.files();
    expect(left).toHaveLength(3);
    expect(left).toEqual(expect.arrayContaining([blobPath(used), blobPath(young.sha256), expect.stringMatching(/^tmp\//)]));
    expect(left).not.toContain(blobPath(unused));
    // Whoever left it lying that long is told to begin again.
    await expect(abandoned.commit()).rejects.toMatchObject({ code: 'storage_unavailable', retryable: true });
  });

  it('asks about many blobs in batches, and about young ones not at all', async () => {
    for (let i = 0; i < 520; i += 1) {
      const path = `blobs/${(i % 16).toString(16).padStart(2, '0')}/${i.toString(16).padStart(62, '0')}`;
      await mkdir(join(directory.path, path, '..'), { recursive: true });
      await writeFile(join(directory.path, path), '');
      if (i >= 10) await directory.makeOld(path);
    }
    const asked: number[] = [];
    const swept = await createDiskBlobStore(directory.path).sweep({
      olderThanMs: hour,
      referenced: (hashes) => {
        asked.push(hashes.length);
        return Promise.resolve(new Set(hashes.slice(0, 5)));
      },
    });
    expect(asked).toEqual([500, 10]);
    expect(swept.blobs).toBe(500);
    expect(await directory.files()).toHaveLength(20);
  });

  it('leaves a blob alone that is committed again while records are asked', async () => {
    const hash = await oldBlob('Dear Ada');
    const again = await stage('Dear Ada');
    const swept = await createDiskBlobStore(directory.path).sweep({
      olderThanMs: hour,
      referenced: async () => {
        await again.commit();
        return new Set();
      },
    });
    expect(swept.blobs).toBe(0);
    expect((await buffer(createDiskBlobStore(directory.path).read(hash))).toString()).toBe('Dear Ada');
    expect(await directory.files()).toEqual([blobPath(hash)]);
  });

  it('counts the age of a blob from its commit, not from its upload', async () => {
    const staged = await stage('Dear Ada');
    const [temporary = ''] = await directory.files();
    await directory.makeOld(temporary);
    await staged.commit();
    expect(await createDiskBlobStore(directory.path).sweep({ referenced: using(), olderThanMs: hour })).toEqual({ temporary: 0, blobs: 0 });
  });

  it('works beside another sweep', async () => {
    for (let i = 0; i < 20; i += 1) await oldBlob(`text ${String(i)}`);
    const sweeps = await Promise.all(
      Array.from({ length: 3 }, () => createDiskBlobStore(directory.path).sweep({ referenced: using(), olderThanMs: hour })),
    );
    expect(sweeps.reduce((sum, swept) => sum + swept.blobs, 0)).toBe(20);
    expect(await directory.files()).toEqual([]);
  });

  it('removes nothing that it did not make', async () => {
    await mkdir(join(directory.path, 'blobs', 'ab'), { recursive: true });
    await writeFile(join(directory.path, 'blobs', 'ab', 'README'), 'mine');
    await directory.makeOld('blobs/ab/README');
    await createDiskBlobStore(directory.path).sweep({ referenced: using(), olderThanMs: hour });
    expect(await directory.files()).toEqual(['blobs/ab/README']);
  });
});
