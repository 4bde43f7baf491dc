import { createWriteStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { addAbortSignal } from 'node:stream';
import { pipeline } from 'node:stream/promises';

import type { ImageSource } from '../../activities/upload.ts';
import { AppError } from '../errors.ts';
import { formatOf, signatureBytes } from './decodable.ts';

export interface Keeping {
  contentType: string;
  maxBytes: number;
  signal?: AbortSignal | undefined;
}

/** Makes the source a file, unless its first bytes are none of a picture: false then. @throws AppError `image_too_large` */
export async function keepDecodable(source: ImageSource, path: string, keeping: Keeping): Promise<boolean> {
  return (await source.link?.(path)) === true ? isDecodable(path, keeping) : written(source.read(), path, keeping);
}

async function isDecodable(path: string, { contentType, maxBytes }: Keeping): Promise<boolean> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(signatureBytes), 0, signatureBytes, 0);
    if (bytesRead < signatureBytes || formatOf(buffer, contentType) === undefined) return false;
    if ((await file.stat()).size > maxBytes) throw tooLarge(maxBytes);
    return true;
  } finally {
    await file.close();
  }
}

/** Ends or destroys the source. */
async function written(source: Readable, path: string, { contentType, maxBytes, signal }: Keeping): Promise<boolean> {
  if (signal !== undefined) addAbortSignal(signal, source);
  const chunks = (source as AsyncIterable<Buffer>)[Symbol.asyncIterator]();
  try {
    const start = await firstBytes(chunks);
    if (start.length < signatureBytes || formatOf(start, contentType) === undefined) return false;
    await pipeline(Readable.from(limited(start, chunks, maxBytes), { objectMode: false }), createWriteStream(path, { mode: 0o600 }));
    return true;
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  } finally {
    source.destroy();
  }
}

const tooLarge = (maxBytes: number) => new AppError('image_too_large', `The picture has more than ${String(maxBytes)} bytes.`);

async function firstBytes(chunks: AsyncIterator<Buffer>): Promise<Buffer> {
  const first: Buffer[] = [];
  for (let size = 0; size < signatureBytes;) {
    const next = await chunks.next();
    if (next.done === true) break;
    first.push(next.value);
    size += next.value.length;
  }
  return Buffer.concat(first);
}

async function* limited(start: Buffer, rest: AsyncIterator<Buffer>, maxBytes: number): AsyncGenerator<Buffer> {
  let size = 0;
  for (let chunk = start; ;) {
    size += chunk.length;
    if (size > maxBytes) throw tooLarge(maxBytes);
    yield chunk;
    const next = await rest.next();
    if (next.done === true) return;
    chunk = next.value;
  }
}
