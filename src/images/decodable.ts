import type { Readable } from 'node:stream';
import { addAbortSignal } from 'node:stream';
import { fileTypeFromBuffer } from 'file-type';

import { AppError } from '../errors.ts';

export interface DecodableImage {
  format: 'jpeg' | 'png' | 'gif' | 'webp' | 'avif' | 'tiff';
  /** The encoded file. */
  bytes: Buffer;
}

const signatureBytes = 12;

/** Over the first bytes as Latin-1. */
const signatures: [DecodableImage['format'], RegExp][] = [
  ['jpeg', /^\xff\xd8\xff/],
  ['png', /^\x89PNG\r\n/],
  ['gif', /^GIF8[79]a/],
  ['webp', /^RIFF.{4}WEBP/s],
  ['avif', /^.{4}ftypavi[fs]/s],
  ['tiff', /^(?:II[*+]\0|MM\0[*+])/],
];

/** Camera raws carry the TIFF signature, and JPEG-LS that of JPEG; neither is decoded. */
const types = new Set(['image/jpeg', 'image/png', 'image/apng', 'image/gif', 'image/webp', 'image/avif', 'image/tiff']);

/** The whole file, or null as soon as its first bytes are none that we decode. Ends or destroys the source. */
export async function readDecodable(source: Readable, maxBytes: number, signal?: AbortSignal): Promise<DecodableImage | null> {
  if (signal !== undefined) addAbortSignal(signal, source);
  try {
    return await collect(source, maxBytes);
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  } finally {
    source.destroy();
  }
}

async function collect(source: Readable, maxBytes: number): Promise<DecodableImage | null> {
  const chunks: Buffer[] = [];
  let size = 0;
  let format: DecodableImage['format'] | undefined;
  for await (const chunk of source as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    size += chunk.length;
    if (format === undefined && size >= signatureBytes) {
      const start = Buffer.concat(chunks).toString('latin1', 0, signatureBytes);
      format = signatures.find(([, signature]) => signature.test(start))?.[0];
      if (format === undefined) return null;
    }
    if (size > maxBytes) throw new AppError('image_too_large', `The picture has more than ${String(maxBytes)} bytes.`);
  }
  if (format === undefined) return null;
  const bytes = Buffer.concat(chunks, size);
  const guess = await fileTypeFromBuffer(bytes).catch(() => undefined);
  // Without a guess the structure is broken: the decoder says how.
  return guess === undefined || types.has(guess.mime) ? { format, bytes } : null;
}
