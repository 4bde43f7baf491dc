import type { RequestHandler, Response } from 'express';
import { createHash } from 'node:crypto';

import { AppError } from '../errors.ts';

export interface ApiKeys {
  /** Whom a key belongs to; `undefined` for an unknown one. @throws AppError `database_unavailable`. */
  tenantOf(key: string): Promise<string | undefined>;
}

/** Longer than any key of ours. */
const maxKeyLength = 512;

/** RFC 6750 bearer tokens. After it, `tenantOf(response)` and `keyTagOf(response)` are known. */
export function authenticate(keys: ApiKeys): RequestHandler {
  return async (request, response, next) => {
    const [, key] = /^Bearer +([A-Za-z0-9._~+/=-]+) *$/i.exec(request.get('Authorization') ?? '') ?? [];
    const tenant = key === undefined || key.length > maxKeyLength ? undefined : await keys.tenantOf(key);
    if (key === undefined || tenant === undefined) throw new AppError('unauthorized', 'Send an API key: Authorization: Bearer <key>.');
    response.locals['tenant'] = tenant;
    response.locals['keyTag'] = createHash('sha256').update(key).digest('base64url');
    next();
  };
}

export function tenantOf(response: Response): string {
  const tenant: unknown = response.locals['tenant'];
  // A route mounted outside authentication is a defect; it must not read anybody's data.
  if (typeof tenant !== 'string') throw new Error('This route is not behind authentication');
  return tenant;
}

/** The same for the same key, which it does not tell. */
export function keyTagOf(response: Response): string {
  const tag: unknown = response.locals['keyTag'];
  if (typeof tag !== 'string') throw new Error('This route is not behind authentication');
  return tag;
}
