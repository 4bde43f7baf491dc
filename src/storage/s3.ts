import { rm } from 'node:fs/promises';

import { AppError } from '../errors.ts';
import type { BlobStore, StagedBlob } from './blobs.ts';
import { checkDisk } from './disk.ts';
import { onDisk } from './disk-failure.ts';
import { stageFileOnDisk } from './disk-linked.ts';
import { type DiskPlaces, diskPlaces } from './disk-places.ts';
import { stageOnDisk, type Staging } from './disk-stage.ts';
import { sweepTemporary } from './disk-sweep.ts';
import { stageWrittenOnDisk } from './disk-written.ts';
import { connectS3, type S3Location } from './s3-connection.ts';
import { onS3, s3Unavailable } from './s3-failure.ts';
import { putSmall } from './s3-objects.ts';
import { s3Places } from './s3-places.ts';
import { createPresignedBlobs } from './s3-presigned.ts';
import { createPutting } from './s3-put.ts';
import { readObject } from './s3-read.ts';
import { sweepS3 } from './s3-sweep.ts';

export interface S3StoreOptions extends S3Location {
  /** Before all keys; without slashes at its ends. */
  prefix: string;
  /** A directory of this machine, where bytes wait until they are sent. */
  spool: string;
  now?: () => number;
}

export interface S3BlobStore extends BlobStore {
  close(): Promise<void>;
}

/** What lies in the spool for longer is a left-over of a crash, in milliseconds; and how often somebody looks. */
const leftOverMs = 24 * 60 * 60 * 1000;
const lookMs = 60 * 60 * 1000;
/** How long it counts that something could be written, in milliseconds. */
const provenMs = 20_000;

/** Blobs as objects of a bucket. Any number of processes may share it. */
export function createS3BlobStore({ prefix, spool, now = Date.now, ...location }: S3StoreOptions): S3BlobStore {
  const connection = connectS3(location);
  const places = s3Places(prefix);
  const local = diskPlaces(spool);
  const putting = createPutting();
  const staging: Staging = {
    ...local,
    staged: (path, facts) =>
      spooled(path, facts, async (file) => putting.put(await onS3(connection.open()), places.blob(facts.sha256), file)),
  };
  const swept = sweptNowAndThen(local, now);
  let provenAt = -Infinity;
  return {
    stage: async (bytes, options = {}) => swept(() => stageOnDisk(staging, bytes, options)),
    stageWritten: async (write, options = {}) => swept(() => stageWrittenOnDisk(staging, write, options)),
    stageFile: async (path, options = {}) => swept(() => stageFileOnDisk(staging, path, options)),
    read: (sha256, range) => readObject(connection, { range, keys: [places.blob(sha256), places.sweptBlob(sha256)] }),
    async check() {
      await checkDisk(local);
      if (now() - provenAt < provenMs) return;
      await putSmall(await onS3(connection.open()), places.probe, 'probe');
      provenAt = now();
    },
    async sweep(options) {
      try {
        const temporary = await sweepTemporary(local, now() - options.olderThanMs);
        const inBucket = await sweepS3(await connection.open(), places, options, now());
        return { ...inBucket, temporary: temporary + inBucket.temporary };
      } catch (error) {
        // Where the records can't be asked, that is what failed.
        throw error instanceof AppError ? error : s3Unavailable(error);
      }
    },
    presigned: createPresignedBlobs(connection, places),
    close: () => connection.close(),
  };
}

function spooled(
  path: string,
  facts: Pick<StagedBlob, 'size' | 'sha256' | 'head'>,
  put: (file: { path: string; size: number }) => Promise<void>,
): StagedBlob {
  let isPut = false;
  const discard = () => onDisk(rm(path, { force: true }));
  return {
    ...facts,
    async commit() {
      if (!isPut) await put({ path, size: facts.size });
      isPut = true;
      await discard();
    },
    discard,
  };
}

/** The maintenance runs on one machine: what crashes left on this one is removed on the way. */
function sweptNowAndThen(local: DiskPlaces, now: () => number): <T>(stage: () => Promise<T>) => Promise<T> {
  let looked = -Infinity;
  return async (stage) => {
    if (now() - looked > lookMs) {
      looked = now();
      await onDisk(sweepTemporary(local, now() - leftOverMs));
    }
    return stage();
  };
}
