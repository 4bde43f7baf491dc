import type { RequestHandler } from 'express';

import { AppError } from '../errors.ts';

/** Of path and query, in characters. Our longest are lists with a cursor and labels. */
const maxUrlLength = 8 * 1024;
const maxHeaderCount = 100;

const malformed = (detail: string) => new AppError('malformed_request', detail);

function faultOf(httpVersion: string, names: readonly string[], url: string): AppError | undefined {
  const hosts = names.filter((name) => name === 'host').length;
  if (url.length > maxUrlLength) return new AppError('uri_too_long', `Path and query may have ${String(maxUrlLength)} characters.`);
  if (names.length > maxHeaderCount) return new AppError('headers_too_large', `A request may have ${String(maxHeaderCount)} headers.`);
  if (!/^1\.[01]$/.test(httpVersion)) return malformed('Send HTTP/1.1.');
  if (hosts > 1 || (hosts === 0 && httpVersion === '1.1')) return malformed('Send one Host header.');
  if (httpVersion === '1.0' && names.includes('transfer-encoding')) return malformed('HTTP/1.0 has no Transfer-Encoding.');
  return undefined;
}

/**
 * What node's parser lets pass and this API does not take. It comes before everything that reads a request, since somebody
 * on the way may have read it in another way (RFC 9112, 3.2 and 6.1).
 */
export const wellFormed: RequestHandler = (request, response, next) => {
  const names = request.rawHeaders.filter((_text, index) => index % 2 === 0).map((name) => name.toLowerCase());
  const fault = faultOf(request.httpVersion, names, request.url);
  if (fault !== undefined) {
    response.set('Connection', 'close');
    throw fault;
  }
  // RFC 9112, 3.2.2: a whole URL must be taken; whose it says that it is means nothing here.
  const path = /^https?:\/\/[^/?#]*(.*)$/i.exec(request.url)?.[1];
  if (path !== undefined) request.url = request.originalUrl = path.startsWith('/') ? path : `/${path}`;
  next();
};
