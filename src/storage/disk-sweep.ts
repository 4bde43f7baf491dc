import type { Dir } from 'node:fs';
import { link, opendir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';

import type { Swept, SweepOptions } from './blobs.ts';
import { errnoOf } from './disk-failure.ts';
import type { DiskPlaces } from './disk-places.ts';
import { makeDirectory } from './disk-places.ts';

/** Hashes asked about at once. */
const batchSize = 500;

export async function sweepDisk(places: DiskPlaces, { referenced, olderThanMs }: SweepOptions): Promise<Swept> {
  const oldest = Date.now() - olderThanMs;
  const swept: Swept = { temporary: await sweepTemporary(places, oldest), blobs: 0 };

  const removeUnreferenced = async (sha256s: string[]): Promise<void> => {
    const used = await referenced(sha256s);
    // A restored backup has no place for temporary files.
    await makeDirectory(places.temporary);
    for (const sha256 of sha256s) if (!used.has(sha256) && (await removeBlob(places, sha256, oldest))) swept.blobs += 1;
  };
  let batch: string[] = [];
  for await (const sha256 of oldBlobs(places, oldest)) {
    batch.push(sha256);
    if (batch.length < batchSize) continue;
    await removeUnreferenced(batch);
    batch = [];
  }
  if (batch.length > 0) await removeUnreferenced(batch);
  return swept;
}

/** @returns how many were removed that are older than `oldest`, in milliseconds. */
export async function sweepTemporary(places: Pick<DiskPlaces, 'temporary'>, oldest: number): Promise<number> {
  let removed = 0;
  for await (const name of namesIn(places.temporary, /^[0-9a-f-]{36}$/)) {
    const path = join(places.temporary, name);
    if (!(await isOlder(path, oldest))) continue;
    await rm(path, { force: true });
    removed += 1;
  }
  return removed;
}

async function* oldBlobs(places: DiskPlaces, oldest: number): AsyncGenerator<string> {
  for await (const start of namesIn(places.blobs, /^[0-9a-f]{2}$/)) {
    for await (const rest of namesIn(join(places.blobs, start), /^[0-9a-f]{62}$/)) {
      if (await isOlder(places.blob(start + rest), oldest)) yield start + rest;
    }
  }
}

/**
 * @param oldest in milliseconds: what was committed from then on stays.
 * @returns false when somebody committed the same bytes since we asked for records. Looking and then removing would leave a gap
 * between the two; so the blob is taken away first, looked at, and put back if it is the new one.
 */
export async function removeBlob(places: DiskPlaces, sha256: string, oldest: number): Promise<boolean> {
  const taken = places.newTemporary();
  try {
    await rename(places.blob(sha256), taken);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false;
    throw error;
  }
  const old = await isOlder(taken, oldest);
  if (!old) {
    await link(taken, places.blob(sha256)).catch((error: unknown) => {
      if (errnoOf(error) !== 'EEXIST') throw error;
    });
  }
  await rm(taken, { force: true });
  return old;
}

/** False when it is gone. */
async function isOlder(path: string, oldest: number): Promise<boolean> {
  try {
    return (await stat(path)).mtimeMs < oldest;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false;
    throw error;
  }
}

/** Entries whose name has the shape; nothing when there is no such directory. What others put there is not ours to remove. */
async function* namesIn(directory: string, shape: RegExp): AsyncGenerator<string> {
  let entries: Dir;
  try {
    entries = await opendir(directory);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return;
    throw error;
  }
  for await (const entry of entries) if (shape.test(entry.name)) yield entry.name;
}
