import { Busboy, type BusboyInstance } from '@fastify/busboy';
import type { Request } from 'express';
import { basename } from 'node:path/posix';
import type { Readable } from 'node:stream';

import { AppError, invalid } from '../errors.ts';
import type { ReceivedPart } from '../jobs/definition.ts';
import type { FileStore } from '../jobs/files.ts';
import type { Line } from '../jobs/lines.ts';
import { pointerOf } from './validation.ts';

/** Of the part `request`, in bytes. */
const maxRequestPart = 64 * 1024;
/** Boundaries, headers and the part `request`, on top of the file. */
export const maxOverhead = 128 * 1024;
const maxNameLength = 255;

export interface Received {
  part: ReceivedPart | undefined;
  /** Of the part `request`; an empty object without one. Or the first line. */
  request: unknown;
  /** Further lines, still to be read. */
  lines?: AsyncIterable<Line>;
  /** Throws away what was not read, so that the client can read the answer. */
  end?: () => void;
}

/** The last path segment, without control characters: some clients send a whole path. */
export function plainName(name: string | undefined): string {
  // eslint-disable-next-line no-control-regex -- the control characters are the point
  const plain = basename((name ?? '').replaceAll('\\', '/')).replace(/[\u0000-\u001f\u007f]/g, '');
  return plain === '' || plain === '.' || plain === '..' ? 'upload' : plain.slice(-maxNameLength);
}

function requestTooLong(): AppError {
  return invalid('/request', `is larger than ${String(maxRequestPart)} bytes`);
}

/** Of a part `request` that is sent as a file: busboy bounds plain fields only. */
async function shortText(stream: Readable): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    size += chunk.byteLength;
    if (size > maxRequestPart) throw requestTooLong();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

function parseRequest(json: string): unknown {
  try {
    return JSON.parse(json) as unknown;
  } catch (error) {
    throw new AppError('malformed_json', 'The part `request` is not valid JSON.', {
      errors: [{ pointer: '/request', detail: 'is not valid JSON' }],
      cause: error,
    });
  }
}

/**
 * Reads a multipart body (RFC 7578) with the parts `file` and `request`, streaming the file to the store in one pass.
 * @throws AppError; nothing is stored then. On success the caller owns `part.staged`.
 */
export async function receiveMultipart(request: Request, files: FileStore, maxBytes: number): Promise<Received> {
  if (Number(request.get('Content-Length') ?? 0) > maxBytes + maxOverhead) throw tooLarge(maxBytes);
  const abort = new AbortController();
  let file: Promise<ReceivedPart> | undefined;
  let body: Promise<unknown> | undefined;
  try {
    await new Promise<void>((resolve, reject) => {
      const fail = (error: unknown) => {
        abort.abort(error);
        reject(error instanceof Error ? error : new Error(String(error)));
      };
      const takeBody = (json: Promise<string>) => {
        if (body !== undefined) {
          fail(invalid('/request', 'was sent twice'));
          return;
        }
        body = json.then(parseRequest);
        body.catch(fail);
      };
      const takeFile = (stream: Readable, name: string | undefined, declaredType: string) => {
        if (file !== undefined) {
          fail(invalid('/file', 'was sent twice'));
          return;
        }
        file = files.stage(stream, { maxBytes, signal: abort.signal }).then(
          (staged) => ({ staged, name: plainName(name), declaredType }),
          (error: unknown) => {
            throw error instanceof AppError && error.code === 'payload_too_large' ? tooLarge(maxBytes) : error;
          },
        );
        file.catch(fail);
      };
      const parser = busboyFor(request);
      parser.on('file', (name, stream, fileName, _encoding, mimeType) => {
        stream.on('error', fail);
        if (name === 'file') takeFile(stream, fileName, mimeType);
        else if (name === 'request') takeBody(shortText(stream));
        else fail(invalid(pointerOf([name]), 'is not a known part'));
      });
      parser.on('field', (name, value, _nameCut, valueCut) => {
        if (name === 'file') fail(invalid('/file', 'has no file name'));
        else if (name !== 'request') fail(invalid(pointerOf([name]), 'is not a known part'));
        else if (valueCut) fail(requestTooLong());
        else takeBody(Promise.resolve(value));
      });
      parser.on('error', (cause: unknown) => {
        fail(new AppError('malformed_multipart', 'The multipart body is malformed or ends early.', { cause }));
      });
      parser.on('finish', resolve);
      request.on('aborted', () => {
        fail(new AppError('malformed_multipart', 'The connection ended before the body did.'));
      });
      request.pipe(parser);
    });
    return { part: await file, request: (await body) ?? {} };
  } catch (error) {
    request.unpipe();
    // Whatever the client still sends is thrown away, so that it can read the answer.
    request.resume();
    abort.abort(error);
    await file?.then(
      ({ staged }) => staged.discard(),
      () => undefined,
    );
    throw error;
  }
}

function tooLarge(maxBytes: number): AppError {
  return new AppError('payload_too_large', `A file may have up to ${String(maxBytes)} bytes.`, {
    errors: [{ pointer: '/file', detail: `is larger than ${String(maxBytes)} bytes` }],
  });
}

function busboyFor(request: Request): BusboyInstance {
  const limits = { files: 3, fields: 3, parts: 6, fieldSize: maxRequestPart, headerPairs: 50 };
  try {
    return new Busboy({ headers: { ...request.headers, 'content-type': request.get('Content-Type') ?? '' }, limits });
  } catch (error) {
    throw new AppError('malformed_multipart', 'The multipart body has no usable boundary.', { cause: error });
  }
}
