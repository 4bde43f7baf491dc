import { createHash } from 'node:crypto';

import type { StagedBlob, StageOptions } from './blobs.ts';
import { headBytes, tooLarge } from './disk-stage.ts';

/** What is to be known of bytes that lie where they are to stay. @throws AppError `payload_too_large`; what the bytes fail with. */
export async function readThrough(
  bytes: AsyncIterable<Uint8Array>,
  { maxBytes = Infinity, observers = [] }: Pick<StageOptions, 'maxBytes' | 'observers'>,
): Promise<Pick<StagedBlob, 'size' | 'sha256' | 'head'>> {
  const hash = createHash('sha256');
  const head: Buffer[] = [];
  let size = 0;
  for await (const chunk of bytes) {
    if (size < headBytes) head.push(Buffer.from(chunk.subarray(0, headBytes - size)));
    size += chunk.byteLength;
    if (size > maxBytes) throw tooLarge(maxBytes);
    hash.update(chunk);
    for (const observe of observers) observe(chunk);
  }
  return { size, sha256: hash.digest('hex'), head: Buffer.concat(head) };
}
