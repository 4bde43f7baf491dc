import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { link, rm } from 'node:fs/promises';

import type { StagedBlob, StageOptions } from './blobs.ts';
import { errnoOf, onDisk } from './disk-failure.ts';
import { type DiskPlaces, makeDirectory } from './disk-places.ts';
import { blockBytes, headBytes, staged, stageOnDisk, tooLarge } from './disk-stage.ts';

/** Hashes a file that is whole already; a further name for it becomes the blob, so its bytes are written once. */
export async function stageFileOnDisk(places: DiskPlaces, source: string, options: StageOptions): Promise<StagedBlob> {
  options.signal?.throwIfAborted();
  await onDisk(makeDirectory(places.temporary));
  const path = places.newTemporary();
  try {
    await link(source, path);
  } catch (error) {
    // Another disk, or one that knows no further names.
    if (errnoOf(error) === 'ENOENT') return onDisk(Promise.reject(error as Error));
    return stageOnDisk(places, createReadStream(source, { highWaterMark: blockBytes }), options);
  }
  try {
    return staged(places, path, await factsOf(path, options));
  } catch (error) {
    await rm(path, { force: true }).catch(() => undefined);
    throw error;
  }
}

async function factsOf(path: string, { maxBytes = Infinity, signal, observers = [] }: StageOptions) {
  const hash = createHash('sha256');
  let head: Buffer | undefined;
  let size = 0;
  const stream = createReadStream(path, { highWaterMark: blockBytes, ...(signal && { signal }) });
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    size += chunk.byteLength;
    if (size > maxBytes) throw tooLarge(maxBytes);
    head ??= Buffer.from(chunk.subarray(0, headBytes));
    hash.update(chunk);
    for (const observe of observers) observe(chunk);
  }
  return { size, sha256: hash.digest('hex'), head: head ?? Buffer.alloc(0) };
}
