import { Readable } from 'node:stream';
import type { Sharp } from 'sharp';
import sharp from 'sharp';

import type { ImageEngine } from '../../activities/upload.ts';
import { AppError } from '../errors.ts';
import type { VariantFormat } from '../jobs/upload.ts';
import type { DecodableImage } from './decodable.ts';
import { readDecodable } from './decodable.ts';
import { imageFailure } from './sharp-failure.ts';

export interface ImageEngineOptions {
  /** Of the source, width × height; decoding needs about four bytes for each. */
  maxPixels?: number;
  /** Of the source: it is held in memory while it is decoded. */
  maxBytes?: number;
  /** For one variant. */
  timeoutSeconds?: number;
}

/** AVIF at effort 2 takes half the time of the default (4) for a few percent more bytes. */
const encoders: Record<VariantFormat, (picture: Sharp) => Sharp> = {
  jpeg: (picture) => picture.flatten({ background: '#ffffff' }).jpeg({ quality: 80, progressive: true }),
  png: (picture) => picture.png({ compressionLevel: 9 }),
  webp: (picture) => picture.webp({ quality: 80 }),
  avif: (picture) => picture.avif({ quality: 50, effort: 2 }),
};

/** An image engine on libvips. Its settings for memory, threads and loaders hold for the whole process. */
export function createImageEngine(options: ImageEngineOptions = {}): ImageEngine {
  const { maxPixels = 100_000_000, maxBytes = 512 * 1024 * 1024, timeoutSeconds = 300 } = options;
  sharp.cache(false);
  // Parallelism comes from several activities; one thread each also keeps output the same from run to run.
  sharp.concurrency(1);
  // Whatever gets past the signatures: no SVG, PDF or other loader is there to be reached.
  sharp.block({ operation: ['VipsForeignLoad'] });
  sharp.unblock({ operation: ['Jpeg', 'Png', 'Nsgif', 'Webp', 'Heif', 'Tiff'].map((loader) => `VipsForeignLoad${loader}`) });

  const open = ({ bytes }: DecodableImage): Sharp =>
    sharp(bytes, { limitInputPixels: maxPixels, failOn: 'error', sequentialRead: true, pages: 1, autoOrient: true });
  /** libvips can't be interrupted: an abort rejects at once, while the call goes on to its end or its time limit. */
  const run = async <T>(work: Promise<T>, signal?: AbortSignal): Promise<T> => {
    try {
      return await unlessAborted(work, signal);
    } catch (error) {
      signal?.throwIfAborted();
      throw imageFailure(error, maxPixels);
    }
  };

  return {
    async inspect(source, { signal } = {}) {
      const image = await readDecodable(source, maxBytes, signal);
      if (image === null) return null;
      const { autoOrient } = await run(open(image).metadata(), signal);
      return { format: image.format, width: autoOrient.width, height: autoOrient.height };
    },
    async resize(source, { width, height, format }, { signal } = {}) {
      const image = await readDecodable(source, maxBytes, signal);
      if (image === null) throw new AppError('image_unreadable', 'The file is not an image of a type that is decoded.');
      // sharp converts to sRGB and leaves out EXIF, GPS and all other metadata unless told to keep them.
      const fitted = open(image).resize({ width, ...(height === undefined ? {} : { height }), fit: 'inside', withoutEnlargement: true });
      const output = encoders[format](fitted).timeout({ seconds: timeoutSeconds });
      const { data, info } = await run(output.toBuffer({ resolveWithObject: true }), signal);
      return { width: info.width, height: info.height, bytes: Readable.from([data]) };
    },
  };
}

async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work;
  const done = new AbortController();
  const aborted = new Promise<never>((_resolve, reject) => {
    const stop = (): void => {
      reject(signal.reason as Error);
    };
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { signal: done.signal });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    done.abort();
  }
}
