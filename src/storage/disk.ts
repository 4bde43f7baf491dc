import { link, rm, writeFile } from 'node:fs/promises';
import { Readable } from 'node:stream';

import { AppError } from '../errors.ts';
import type { BlobStore } from './blobs.ts';
import { errnoOf, onDisk, storageUnavailable } from './disk-failure.ts';
import { stageFileOnDisk } from './disk-linked.ts';
import { type DiskPlaces, diskPlaces, fileMode, makeDirectory } from './disk-places.ts';
import { stagedBeside, stageOnDisk, type Staging } from './disk-stage.ts';
import { fileChunks } from './file-chunks.ts';
import { stageWrittenOnDisk } from './disk-written.ts';
import { removeBlob, sweepDisk } from './disk-sweep.ts';

const readBytes = 256 * 1024;

/** Blobs as files below `directory`, which is made when the first bytes arrive. Several processes may share it. */
export function createDiskBlobStore(directory: string): BlobStore {
  const places = diskPlaces(directory);
  const staging: Staging = { ...places, staged: (path, facts) => stagedBeside(places, path, facts) };
  return {
    stage: (bytes, options = {}) => stageOnDisk(staging, bytes, options),
    stageWritten: (write, options = {}) => stageWrittenOnDisk(staging, write, options),
    stageFile: (path, options = {}) => stageFileOnDisk(staging, path, options),
    read: (sha256, range) => Readable.from(chunksOf(places.blob(sha256), range), { objectMode: false, highWaterMark: readBytes }),
    link: (sha256, path) =>
      link(places.blob(sha256), path).then(
        () => true,
        () => false,
      ),
    check: () => checkDisk(places),
    async remove(sha256, committedBefore) {
      await onDisk(makeDirectory(places.temporary));
      await onDisk(removeBlob(places, sha256, committedBefore.getTime()));
    },
    async sweep(options) {
      try {
        return await sweepDisk(places, options);
      } catch (error) {
        // Where the records can't be asked, that is what failed.
        throw error instanceof AppError ? error : storageUnavailable(error);
      }
    },
  };
}

/** @throws AppError `storage_unavailable` when nothing can be written. */
export async function checkDisk(places: Pick<DiskPlaces, 'temporary' | 'newTemporary'>): Promise<void> {
  const probe = places.newTemporary();
  await onDisk(makeDirectory(places.temporary));
  await onDisk(writeFile(probe, 'probe', { mode: fileMode })).finally(() => rm(probe, { force: true }).catch(() => undefined));
}

async function* chunksOf(path: string, range: { start: number; end: number } | undefined): AsyncGenerator<Buffer> {
  try {
    yield* fileChunks(path, { range });
  } catch (cause) {
    if (errnoOf(cause) === 'ENOENT') throw new AppError('file_not_found', 'The bytes of this file are not in the storage.', { cause });
    throw storageUnavailable(cause);
  }
}
