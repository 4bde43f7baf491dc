import { link, rm } from 'node:fs/promises';

import { abortable } from './abortable.ts';
import type { StagedBlob, StageOptions } from './blobs.ts';
import { errnoOf, onDisk } from './disk-failure.ts';
import { makeDirectory } from './disk-places.ts';
import { stageOnDisk, type Staging } from './disk-stage.ts';
import { fileChunks } from './file-chunks.ts';
import { readThrough } from './read-through.ts';

/** Hashes a file that is whole already; a further name for it becomes the blob, so its bytes are written once. */
export async function stageFileOnDisk(places: Staging, source: string, options: StageOptions): Promise<StagedBlob> {
  options.signal?.throwIfAborted();
  await onDisk(makeDirectory(places.temporary));
  const path = places.newTemporary();
  try {
    await link(source, path);
  } catch (error) {
    // Another disk, or one that knows no further names.
    if (errnoOf(error) === 'ENOENT') return onDisk(Promise.reject(error as Error));
    return stageOnDisk(places, fileChunks(source, { inPlace: true }), options);
  }
  try {
    const bytes = fileChunks(path, { inPlace: true });
    return places.staged(path, await readThrough(options.signal ? abortable(bytes, options.signal) : bytes, options));
  } catch (error) {
    await rm(path, { force: true }).catch(() => undefined);
    throw error;
  }
}
