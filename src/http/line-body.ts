import type { Request, RequestHandler } from 'express';

import { AppError } from '../errors.ts';
import { linesOf } from '../jobs/lines.ts';
import { bodyBytes } from './body-bytes.ts';
import { declaredJson, maxJsonBytes } from './json-body.ts';
import type { Received } from './multipart.ts';

const type = 'application/x-ndjson';

export const isNdjson = (request: Request): boolean => request.is(type) === type;

/** For paths that take both. */
export const declaredJsonOrLines: RequestHandler = (request, response, next) => {
  if (isNdjson(request)) next();
  else declaredJson(request, response, next);
};

async function* bounded(request: Request, maxBytes: number): AsyncGenerator<Uint8Array> {
  let size = 0;
  for await (const chunk of bodyBytes(request)) {
    size += chunk.byteLength;
    if (size > maxBytes) throw tooLarge(maxBytes);
    yield chunk;
  }
}

const tooLarge = (maxBytes: number) => new AppError('payload_too_large', `The body may have up to ${String(maxBytes)} bytes.`);

/**
 * Reads the first line of a body in `application/x-ndjson`; the others are read as they are taken.
 * @throws AppError `malformed_json`, `payload_too_large`, `source_unreadable`, `malformed_request`.
 */
export async function receiveLines(
  request: Request,
  { maxBytes, maxLineBytes }: { maxBytes: number; maxLineBytes: number },
): Promise<Omit<Received, 'part'>> {
  const end = () => void request.resume();
  if (Number(request.get('Content-Length') ?? 0) > maxBytes) {
    end();
    throw tooLarge(maxBytes);
  }
  const lines = linesOf(bounded(request, maxBytes), (number) => (number === 1 ? maxJsonBytes : maxLineBytes));
  try {
    const first = await lines.next();
    return { request: first.done === true ? undefined : parsed(first.value.text), lines, end };
  } catch (error) {
    end();
    throw error;
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw new AppError('malformed_json', 'The first line is not valid JSON.', { cause });
  }
}
