import type { Readable } from 'node:stream';

import type { S3 } from './s3-connection.ts';
import { isMissing, onS3 } from './s3-failure.ts';

/** Amazon copies no more than this in one request, in bytes. */
const wholeCopyBytes = 5 * 1024 ** 3;
const copyPartBytes = 512 * 1024 ** 2;
/** The service copies while we wait, in milliseconds. */
const copyMs = 600_000;

const missingAs =
  <T>(none: T) =>
  (error: unknown): T => {
    if (isMissing(error)) return none;
    throw error;
  };

/** In bytes; undefined: there is no such object. @throws AppError `storage_unavailable`, as all of these. */
export async function sizeOf({ client, sdk, bucket }: S3, key: string): Promise<number | undefined> {
  const command = new sdk.HeadObjectCommand({ Bucket: bucket, Key: key });
  return onS3(client.send(command).then(({ ContentLength = 0 }) => ContentLength, missingAs(undefined)));
}

/** Harmless when it is not there. */
export async function removeObject({ client, sdk, bucket }: S3, key: string): Promise<void> {
  await onS3(client.send(new sdk.DeleteObjectCommand({ Bucket: bucket, Key: key })));
}

/** Something small of our own. */
export async function putSmall({ client, sdk, bucket }: S3, key: string, body: string): Promise<void> {
  await onS3(client.send(new sdk.PutObjectCommand({ Bucket: bucket, Key: key, Body: Buffer.from(body) })));
}

/** @throws as the SDK does: who reads knows what it means. */
export async function openObject(
  { client, sdk, bucket }: S3,
  key: string,
  { range, signal }: { range?: string | undefined; signal?: AbortSignal } = {},
): Promise<Readable> {
  const command = new sdk.GetObjectCommand({ Bucket: bucket, Key: key, ...(range !== undefined && { Range: range }) });
  const { Body } = await client.send(command, signal && { abortSignal: signal });
  return Body as Readable;
}

/** Within the service: no bytes come here. @returns false: there is none to copy. */
export async function copyObject(
  s3: S3,
  from: string,
  to: string,
  limits = { whole: wholeCopyBytes, part: copyPartBytes },
): Promise<boolean> {
  const size = await sizeOf(s3, from);
  if (size === undefined) return false;
  const { client, sdk, bucket } = s3;
  const target = { Bucket: bucket, Key: to, CopySource: `${bucket}/${from}` };
  if (size > limits.whole) await copyInParts(s3, target, size, limits.part);
  else return onS3(client.send(new sdk.CopyObjectCommand(target), { requestTimeout: copyMs }).then(() => true, missingAs(false)));
  return true;
}

async function copyInParts({ client, sdk }: S3, target: { Bucket: string; Key: string; CopySource: string }, size: number, part: number) {
  const { Bucket, Key } = target;
  const { UploadId } = await onS3(client.send(new sdk.CreateMultipartUploadCommand({ Bucket, Key })));
  const upload = { Bucket, Key, UploadId };
  try {
    const parts: { PartNumber: number; ETag: string | undefined }[] = [];
    for (let start = 0; start < size; start += part) {
      const PartNumber = parts.length + 1;
      const CopySourceRange = `bytes=${String(start)}-${String(Math.min(size, start + part) - 1)}`;
      const command = new sdk.UploadPartCopyCommand({ ...target, UploadId, PartNumber, CopySourceRange });
      const { CopyPartResult } = await client.send(command, { requestTimeout: copyMs });
      parts.push({ PartNumber, ETag: CopyPartResult?.ETag });
    }
    await client.send(new sdk.CompleteMultipartUploadCommand({ ...upload, MultipartUpload: { Parts: parts } }), { requestTimeout: copyMs });
  } catch (error) {
    await client.send(new sdk.AbortMultipartUploadCommand(upload)).catch(() => undefined);
    return onS3(Promise.reject(error as Error));
  }
}

export interface Listed {
  key: string;
  /** In milliseconds. */
  modified: number;
}

/** Page by page, in the order of their keys. */
export async function* listObjects({ client, sdk, bucket }: S3, prefix: string): AsyncGenerator<Listed> {
  let token: string | undefined;
  do {
    const command = new sdk.ListObjectsV2Command({
      ...{ Bucket: bucket, Prefix: prefix },
      ...(token !== undefined && { ContinuationToken: token }),
    });
    const { Contents = [], NextContinuationToken } = await onS3(client.send(command));
    for (const { Key, LastModified } of Contents)
      if (Key !== undefined && LastModified) yield { key: Key, modified: LastModified.getTime() };
    token = NextContinuationToken;
  } while (token !== undefined);
}
