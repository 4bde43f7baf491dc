import type { Request } from 'express';

import { AppError } from '../errors.ts';

/**
 * The body as it comes. Who stops in the middle can still answer.
 * @throws AppError `malformed_request` when the connection ends before the body does.
 */
export async function* bodyBytes(request: Request): AsyncGenerator<Uint8Array> {
  const body = request.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>;
  try {
    yield* body;
  } catch (cause) {
    throw new AppError('malformed_request', 'The connection ended before the body did.', { cause });
  }
}
