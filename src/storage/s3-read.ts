import { Readable } from 'node:stream';

import { AppError } from '../errors.ts';
import type { S3, S3Connection } from './s3-connection.ts';
import { isMissing, isOutside, onS3, s3Unavailable } from './s3-failure.ts';
import { openObject } from './s3-objects.ts';

/** Without a byte in between. */
const triesInVain = 3;
const readBytes = 256 * 1024;

export interface ReadOptions {
  range?: { start: number; end: number } | undefined;
  /** Looked at in this order, until one is there. */
  keys: readonly string[];
}

/** The bytes of an object that never changes; the connection is given up at once when the reader leaves. */
export function readObject(connection: S3Connection, options: ReadOptions): Readable {
  const leaving = new AbortController();
  const stream = Readable.from(bytesOf(connection, options, leaving.signal), { objectMode: false, highWaterMark: readBytes });
  const destroy = stream._destroy.bind(stream);
  // The generator itself would notice only with the next bytes.
  stream._destroy = (error, callback) => {
    leaving.abort();
    destroy(error, callback);
  };
  return stream;
}

/** A connection that breaks, or that the service gives up because its reader is slow, costs nothing: the next one goes on from there. */
async function* bytesOf(connection: S3Connection, { keys, range }: ReadOptions, signal: AbortSignal): AsyncGenerator<Buffer> {
  const s3 = await onS3(connection.open());
  const { start, end } = range ?? { start: 0, end: Infinity };
  let at = start;
  for (let inVain = 0; at <= end;) {
    const rest = at === 0 && end === Infinity ? undefined : `bytes=${String(at)}-${end === Infinity ? '' : String(end)}`;
    try {
      const body = await openFirst(s3, keys, rest, signal);
      for await (const chunk of body as AsyncIterable<Buffer>) {
        at += chunk.length;
        inVain = 0;
        yield chunk;
      }
      return;
    } catch (error) {
      signal.throwIfAborted();
      if (isOutside(error)) return;
      if (isMissing(error)) throw new AppError('file_not_found', 'The bytes of this file are not in the storage.');
      inVain += 1;
      if (inVain === triesInVain) throw s3Unavailable(error);
    }
  }
}

async function openFirst(s3: S3, keys: readonly string[], range: string | undefined, signal: AbortSignal): Promise<Readable> {
  for (const [index, key] of keys.entries()) {
    try {
      return await openObject(s3, key, { range, signal });
    } catch (error) {
      if (!isMissing(error) || index === keys.length - 1) throw error;
    }
  }
  throw new TypeError('There is no key to look at');
}
