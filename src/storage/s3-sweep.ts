import type { ListMultipartUploadsCommandOutput } from '@aws-sdk/client-s3';

import type { Swept, SweepOptions } from './blobs.ts';
import type { S3 } from './s3-connection.ts';
import { isUnknownThere, onS3 } from './s3-failure.ts';
import { copyObject, type Listed, listObjects, removeObject, sizeOf } from './s3-objects.ts';
import type { S3Places } from './s3-places.ts';

/** Hashes asked about at once. */
const batchSize = 500;

/**
 * S3 has no way to remove an object only if nobody has just found it and relied on it. So what is not in use is moved aside first. There
 * it can still be read, is moved back when it turns out to be in use, and goes for good once it has been there as long as no submission
 * takes.
 */
export async function sweepS3(s3: S3, places: S3Places, { referenced, olderThanMs }: SweepOptions, now: number): Promise<Swept> {
  const oldest = now - olderThanMs;
  const isOld = ({ modified }: Listed) => modified < oldest;
  const swept: Swept = { temporary: await sweepUnfinished(s3, places, oldest), blobs: 0 };

  for await (const batch of batches(s3, places, places.blobs, isOld)) {
    const used = await referenced([...batch.keys()]);
    for (const sha256 of batch.keys()) if (!used.has(sha256) && (await moveAside(s3, places, sha256))) swept.blobs += 1;
  }
  for await (const batch of batches(s3, places, places.swept, () => true)) {
    const used = await referenced([...batch.keys()]);
    for (const [sha256, listed] of batch) {
      const isMissed = used.has(sha256) && (await sizeOf(s3, places.blob(sha256))) === undefined;
      // It stays here as well until the next time: another sweep may be about to move it aside again.
      if (isMissed) await copyObject(s3, places.sweptBlob(sha256), places.blob(sha256));
      else if (isOld(listed)) await removeObject(s3, listed.key);
    }
  }
  return swept;
}

async function moveAside(s3: S3, places: S3Places, sha256: string): Promise<boolean> {
  if (!(await copyObject(s3, places.blob(sha256), places.sweptBlob(sha256)))) return false;
  await removeObject(s3, places.blob(sha256));
  return true;
}

/** Blobs below a key by their SHA-256. What others put there is not ours to remove. */
async function* batches(
  s3: S3,
  places: S3Places,
  prefix: string,
  wanted: (listed: Listed) => boolean,
): AsyncGenerator<Map<string, Listed>> {
  let batch = new Map<string, Listed>();
  for await (const listed of listObjects(s3, prefix)) {
    const sha256 = places.hashIn(listed.key);
    if (sha256 !== undefined && wanted(listed)) batch.set(sha256, listed);
    if (batch.size < batchSize) continue;
    yield batch;
    batch = new Map();
  }
  if (batch.size > 0) yield batch;
}

/** What crashes left behind, and what clients did not finish. */
async function sweepUnfinished(s3: S3, places: S3Places, oldest: number): Promise<number> {
  let removed = 0;
  for await (const { key, modified } of listObjects(s3, places.presigned)) {
    if (modified >= oldest) continue;
    await removeObject(s3, key);
    removed += 1;
  }
  return removed + (await abortUploads(s3, places, oldest));
}

/** Uploads in parts of which nobody has said that they are complete. */
async function abortUploads({ client, sdk, bucket }: S3, { root }: S3Places, oldest: number): Promise<number> {
  let aborted = 0;
  let from: { KeyMarker: string; UploadIdMarker?: string | undefined } | undefined;
  do {
    const list = new sdk.ListMultipartUploadsCommand({ Bucket: bucket, Prefix: root, ...from });
    const page: Partial<ListMultipartUploadsCommandOutput> = await client.send(list).catch((error: unknown) => {
      // Then the bucket needs a rule of its own: docs/production.md.
      if (isUnknownThere(error)) return {};
      return onS3(Promise.reject(error as Error));
    });
    for (const { Key, UploadId, Initiated } of page.Uploads ?? []) {
      if (Initiated === undefined || Initiated.getTime() >= oldest) continue;
      await onS3(client.send(new sdk.AbortMultipartUploadCommand({ Bucket: bucket, Key, UploadId })));
      aborted += 1;
    }
    const { IsTruncated, NextKeyMarker, NextUploadIdMarker } = page;
    from = IsTruncated === true && NextKeyMarker ? { KeyMarker: NextKeyMarker, UploadIdMarker: NextUploadIdMarker } : undefined;
  } while (from !== undefined);
  return aborted;
}
