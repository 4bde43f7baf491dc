import type { ServerResponse } from 'node:http';
import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';

import { AppError } from '../errors.ts';
import { nothingRuns } from './content-policy.ts';
import { problemOf, problems } from './problem.ts';

const faults: Record<string, () => AppError> = {
  HPE_HEADER_OVERFLOW: () => new AppError('headers_too_large', 'The headers are larger than this server takes.'),
  HPE_CHUNK_EXTENSIONS_OVERFLOW: () => new AppError('payload_too_large', 'The chunk extensions are larger than this server takes.'),
  ERR_HTTP_REQUEST_TIMEOUT: () => new AppError('request_timeout', 'The request did not arrive in time.', { retryable: true }),
};

/** Of what node's parser and timers report; nothing of their text is passed on. */
export function faultOf({ code = '' }: NodeJS.ErrnoException): AppError {
  return faults[code]?.() ?? new AppError('malformed_request', 'This is not HTTP/1.1.');
}

/** How long a client has to take the answer, while what it still sends is thrown away, in milliseconds. */
const lastReadMs = 1_000;
/** Closing before all was read would make the client lose what was written. */
function endSoon(socket: Socket, last = ''): void {
  socket.end(last);
  socket.resume();
  const timer = setTimeout(() => socket.destroy(), lastReadMs).unref();
  socket.once('close', () => {
    clearTimeout(timer);
  });
}

const refused = new WeakSet<Socket>();

/** Whether an answer now would be taken for another one: for one that is under way, or for a second one to the same request. */
function isAnswering(current: ServerResponse): boolean {
  const wasLast = current.headersSent && (!current.shouldKeepAlive || current.getHeader('Connection') === 'close');
  // A complete request waits for its own answer; what is wrong comes from the one behind it.
  return wasLast || (current.req.complete ? !current.writableFinished : current.headersSent);
}

/**
 * Answers what has not become a request, and closes the connection. @param current the latest response on it.
 * @returns the id of the answer, if there was one.
 */
export function refuse(socket: Socket, error: AppError, current: ServerResponse | undefined): string | undefined {
  if (refused.has(socket)) return undefined;
  refused.add(socket);
  if (!socket.writable || (current !== undefined && isAnswering(current))) {
    if (current?.writableEnded === true) endSoon(socket);
    else socket.destroy();
    return undefined;
  }
  const requestId = randomUUID();
  const { status } = problems[error.code];
  const body = JSON.stringify({ ...problemOf(error), requestId });
  const head = [
    `HTTP/1.1 ${String(status)} ${problems[error.code].title}`,
    'Content-Type: application/problem+json; charset=utf-8',
    `Content-Length: ${String(Buffer.byteLength(body))}`,
    'Cache-Control: no-store',
    'X-Content-Type-Options: nosniff',
    `Content-Security-Policy: ${nothingRuns}`,
    `X-Request-Id: ${requestId}`,
    'Connection: close',
  ];
  endSoon(socket, `${head.join('\r\n')}\r\n\r\n${body}`);
  return requestId;
}
