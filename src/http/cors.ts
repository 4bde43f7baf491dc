import type { RequestHandler } from 'express';

const methods = 'GET, HEAD, POST, PUT, PATCH, DELETE';
const requestHeaders = [
  ...['Authorization', 'Content-Type', 'Idempotency-Key', 'Prefer'],
  ...['If-Match', 'If-None-Match', 'If-Range', 'Range', 'Last-Event-ID'],
  ...['Content-Digest', 'Repr-Digest'],
  ...['Tus-Resumable', 'Upload-Defer-Length', 'Upload-Length', 'Upload-Metadata', 'Upload-Offset'],
];
/** How long a browser may remember a preflight, in seconds. */
const maxAge = '600';

export interface OriginOptions {
  /** Names of headers that pages may send beside those of this API. */
  headers?: readonly string[];
}

/**
 * Lets pages of exactly these origins call what is mounted behind it, and read every header of the answers (Fetch standard,
 * 3.3). No cookies: callers send bearer tokens. Other origins are told nothing, and so their browsers refuse; requests
 * without `Origin` go on as they are. Mount it before authentication: a preflight has no key.
 */
export function allowOrigins(origins: readonly string[], { headers = [] }: OriginOptions = {}): RequestHandler {
  const allowed = new Set(origins);
  const preflight = {
    'Access-Control-Allow-Methods': methods,
    'Access-Control-Allow-Headers': [...requestHeaders, ...headers].join(', '),
    'Access-Control-Max-Age': maxAge,
    'Cache-Control': 'no-store',
  };
  return (request, response, next) => {
    const origin = request.get('Origin');
    if (allowed.size > 0) response.vary('Origin');
    if (origin === undefined || !allowed.has(origin)) {
      next();
      return;
    }
    response.set('Access-Control-Allow-Origin', origin);
    if (request.method === 'OPTIONS' && request.get('Access-Control-Request-Method') !== undefined) {
      response.status(204).set(preflight).end();
      return;
    }
    response.set('Access-Control-Expose-Headers', '*');
    next();
  };
}
