import { randomUUID } from 'node:crypto';
import { text } from 'node:stream/consumers';

import type { PresignedBlobs, StagedBlob, StageOptions } from './blobs.ts';
import { readThrough } from './read-through.ts';
import type { S3, S3Connection } from './s3-connection.ts';
import { isMissing, onS3, s3Unavailable } from './s3-failure.ts';
import { copyObject, openObject, putSmall, removeObject, sizeOf } from './s3-objects.ts';
import type { S3Places } from './s3-places.ts';
import { readObject } from './s3-read.ts';

/** S3 takes no more in one PUT, in bytes. */
const mostBytes = 5 * 1024 ** 3;

export function createPresignedBlobs(connection: S3Connection, places: S3Places): PresignedBlobs {
  const opened = () => onS3(connection.open());
  const noteOf = (id: string) => places.presignedPart(id, 'note');
  const bytesOf = (id: string) => places.presignedPart(id, 'bytes');

  /** Of an address that the client does not have. */
  async function stageTaken(s3: S3, taken: string, { signal, ...options }: StageOptions): Promise<StagedBlob> {
    const stream = readObject(connection, { keys: [taken] });
    const leave = () => void stream.destroy(signal?.reason as Error);
    signal?.addEventListener('abort', leave, { once: true });
    try {
      const facts = await readThrough(stream, options);
      const final = places.blob(facts.sha256);
      const isThere = async () => (await sizeOf(s3, final)) === facts.size;
      return {
        ...facts,
        async commit() {
          if (!(await isThere())) await copyObject(s3, taken, final);
          if (!(await isThere())) throw s3Unavailable(undefined);
          await removeObject(s3, taken);
        },
        discard: () => removeObject(s3, taken),
      };
    } finally {
      signal?.removeEventListener('abort', leave);
      stream.destroy();
    }
  }

  return {
    maxBytes: mostBytes,
    async open(id, { contentType, size, sha256, expiresInSeconds }, note) {
      const s3 = await opened();
      await putSmall(s3, noteOf(id), note);
      const { getSignedUrl } = await import('@aws-sdk/s3-request-presigner');
      const checksum = sha256 === undefined ? undefined : Buffer.from(sha256, 'hex').toString('base64');
      const command = new s3.sdk.PutObjectCommand({
        ...{ Bucket: s3.bucket, Key: bytesOf(id), ContentType: contentType, ContentLength: size },
        ...(checksum !== undefined && { ChecksumSHA256: checksum }),
      });
      const headers = { 'Content-Type': contentType, ...(checksum !== undefined && { 'x-amz-checksum-sha256': checksum }) };
      const signed = new Set(['content-length', ...Object.keys(headers).map((name) => name.toLowerCase())]);
      const signing = getSignedUrl(s3.signer, command, {
        expiresIn: expiresInSeconds,
        signableHeaders: signed,
        unhoistableHeaders: signed,
      });
      return { method: 'PUT', url: await onS3(signing), headers };
    },
    async note(id) {
      const s3 = await opened();
      const reading = openObject(s3, noteOf(id)).then(text);
      return onS3(
        reading.catch((error: unknown) => {
          if (isMissing(error)) return undefined;
          throw error;
        }),
      );
    },
    async stage(id, options = {}) {
      options.signal?.throwIfAborted();
      const s3 = await opened();
      const taken = places.presignedPart(id, randomUUID());
      if (!(await copyObject(s3, bytesOf(id), taken))) return undefined;
      try {
        return await stageTaken(s3, taken, options);
      } catch (error) {
        await removeObject(s3, taken).catch(() => undefined);
        throw error;
      }
    },
    remove: async (id) => removeObject(await opened(), bytesOf(id)),
  };
}
