import type { Request } from 'express';

/**
 * Whether `If-None-Match` names this strong ETag (RFC 9110, 13.1.2). Not `request.fresh`: that gives way to the
 * `Cache-Control: no-cache` which `fetch` adds to every request with a condition, and which is meant for caches.
 */
export function isKnown(request: Request, etag: string): boolean {
  const known = request.get('If-None-Match');
  return known !== undefined && (known.trim() === '*' || (known.match(/"[^"]*"/g)?.includes(etag) ?? false));
}
