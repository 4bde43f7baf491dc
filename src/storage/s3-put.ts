import { createReadStream } from 'node:fs';

import type { S3 } from './s3-connection.ts';
import { isUnknownThere, onS3, s3Unavailable, statusOf } from './s3-failure.ts';
import { sizeOf } from './s3-objects.ts';

/** What is smaller goes in one request; in bytes. */
const partBytes = 8 * 1024 * 1024;
/** S3 takes 10,000 parts. */
const mostParts = 9_000;
/** Each holds a part in memory. */
const partsAtOnce = 2;
const readBytes = 256 * 1024;

/** Puts files under the hash of their bytes. */
export interface Putting {
  /** Sent only when they are not there; all of them are there when it resolves. @throws AppError `storage_unavailable`; nothing partial is there then. */
  put(s3: S3, key: string, file: { path: string; size: number }): Promise<void>;
}

export function createPutting(): Putting {
  let knowsConditions = true;

  async function send({ client, bucket }: S3, key: string, { path, size }: { path: string; size: number }, onlyNew: boolean) {
    const { Upload } = await import('@aws-sdk/lib-storage');
    const body = createReadStream(path, { highWaterMark: readBytes });
    try {
      await new Upload({
        client,
        params: { Bucket: bucket, Key: key, Body: body, ...(onlyNew && { IfNoneMatch: '*' }) },
        partSize: Math.max(partBytes, Math.ceil(size / mostParts)),
        queueSize: partsAtOnce,
      }).done();
    } finally {
      body.destroy();
    }
  }

  return {
    async put(s3, key, file) {
      const there = await sizeOf(s3, key);
      if (there === file.size) return;
      // What is there in another size is no blob of ours: it must be written over.
      const onlyNew = there === undefined && knowsConditions;
      try {
        await send(s3, key, file, onlyNew);
      } catch (error) {
        // Somebody else was faster, or is at it.
        const taken = onlyNew && [409, 412].includes(statusOf(error) ?? 0);
        if (onlyNew && isUnknownThere(error)) {
          knowsConditions = false;
          await onS3(send(s3, key, file, false));
        } else if (!taken) throw s3Unavailable(error);
      }
      if ((await sizeOf(s3, key)) !== file.size) throw s3Unavailable(undefined);
    },
  };
}
