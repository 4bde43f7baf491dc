import { pipeline, Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';

import { unwritable } from './rows.ts';

/** Of all sources of a report together. */
export interface UnpackBudget {
  limitMb: number;
  /** In bytes. */
  left: number;
}

/** Until there are `count` bytes, or the end. */
export async function headOf(bytes: AsyncIterable<Uint8Array>, count: number): Promise<{ head: Buffer; all: AsyncIterable<Uint8Array> }> {
  const iterator = bytes[Symbol.asyncIterator]();
  let head = Buffer.alloc(0);
  while (head.length < count) {
    const next = await iterator.next();
    if (next.done === true) break;
    head = Buffer.concat([head, next.value]);
  }
  return { head, all: rest(head, iterator) };
}

async function* rest(head: Buffer, iterator: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    if (head.length > 0) yield head;
    for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) yield next.value;
  } finally {
    await iterator.return?.();
  }
}

/** What gzip has packed is unpacked; anything else comes as it is. @throws AppError `source_unreadable` */
export async function* unpacked(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const { head, all } = await headOf(bytes, 2);
  if (head[0] !== 0x1f || head[1] !== 0x8b) {
    yield* all;
    return;
  }
  const gunzip = createGunzip();
  // Errors on the way destroy it with them, and so reach its reader.
  pipeline(Readable.from(all), gunzip, () => undefined);
  try {
    for await (const chunk of gunzip) yield chunk as Buffer;
  } catch (error) {
    if (!/^Z_/.test((error as NodeJS.ErrnoException).code ?? '')) throw error;
    throw unwritable('The gzip data are broken or end too early.');
  }
}
