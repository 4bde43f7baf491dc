import type { Response } from 'express';
import { pipeline } from 'node:stream/promises';

import { AppError } from '../errors.ts';
import { isStillValid } from './authentication.ts';

/** With the first chunk at hand: what fails before it can still be answered properly. */
export async function begun<T>(chunks: AsyncIterable<T>): Promise<AsyncGenerator<T>> {
  const iterator = chunks[Symbol.asyncIterator]() as AsyncIterableIterator<T>;
  return startingWith(await iterator.next(), iterator);
}

async function* startingWith<T>(first: IteratorResult<T, unknown>, others: AsyncIterableIterator<T>): AsyncGenerator<T> {
  if (first.done === true) return;
  yield first.value;
  yield* others;
}

/** Takes no chunk ahead of what the client took. */
export async function sendChunks(response: Response, chunks: AsyncGenerator<Uint8Array | string>): Promise<void> {
  await pipeline(chunks, response).catch((error: unknown) => {
    // A client that goes away in the middle is nobody's fault.
    if ((error as NodeJS.ErrnoException).code !== 'ERR_STREAM_PREMATURE_CLOSE') throw error;
  });
}

/** A long export ends with the key that asked for it. */
export async function* whileValid<T>(response: Response, pages: AsyncIterable<T>): AsyncGenerator<T> {
  for await (const page of pages) {
    if (!(await isStillValid(response))) throw new AppError('unauthorized', 'The API key is no longer valid.');
    yield page;
  }
}
