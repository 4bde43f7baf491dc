import { createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { addAbortSignal } from 'node:stream';
import { pipeline } from 'node:stream/promises';

import { AppError } from '../errors.ts';
import { formatOf, signatureBytes } from './decodable.ts';

export interface Keeping {
  contentType: string;
  maxBytes: number;
  signal?: AbortSignal | undefined;
}

/** Writes a file, unless its first bytes are none of a picture: false then. Ends or destroys the source. */
export async function keepDecodable(source: Readable, path: string, { contentType, maxBytes, signal }: Keeping): Promise<boolean> {
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
    if (size > maxBytes) throw new AppError('image_too_large', `The picture has more than ${String(maxBytes)} bytes.`);
    yield chunk;
    const next = await rest.next();
    if (next.done === true) return;
    chunk = next.value;
  }
}
