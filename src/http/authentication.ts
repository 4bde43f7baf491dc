import type { RequestHandler, Response } from 'express';

import { AppError } from '../errors.ts';
import { allows, type ApiKeys, type Caller, type KeyScope } from '../jobs/api-keys.ts';
import { isLocal } from './local-request.ts';

/** Longer than any key of ours. */
const maxKeyLength = 512;

/** RFC 6750, 3. */
const challenge = (attributes = '') => `Bearer realm="handoff"${attributes}`;

/** RFC 6750 bearer tokens. After it, `callerOf(response)` and `tenantOf(response)` are known. */
export function authenticate(keys: Pick<ApiKeys, 'callerOf'>): RequestHandler {
  return async (request, response, next) => {
    const [, key] = /^Bearer +([A-Za-z0-9._~+/=-]+) *$/i.exec(request.get('Authorization') ?? '') ?? [];
    const caller = key === undefined || key.length > maxKeyLength ? undefined : await keys.callerOf(key);
    const fromElsewhere = caller?.localOnly === true && !isLocal(request);
    if (caller === undefined || fromElsewhere) {
      response.set('WWW-Authenticate', challenge(key === undefined ? '' : ', error="invalid_token"'));
      const detail = fromElsewhere
        ? 'The development key works on this machine only, and not through a proxy. Create a key: POST /v1/api-keys.'
        : 'Send an API key: Authorization: Bearer <key>.';
      throw new AppError('unauthorized', detail);
    }
    response.locals['caller'] = caller;
    next();
  };
}

/** Lets only callers with this scope pass. Every route below `/v1` has one: see `route`. */
export function allowed(scope: KeyScope): RequestHandler {
  return (_request, response, next) => {
    if (!allows(callerOf(response).scopes, scope)) {
      response.set('WWW-Authenticate', challenge(`, error="insufficient_scope", scope="${scope}"`));
      throw new AppError('insufficient_scope', `This needs an API key with the scope ${scope}.`);
    }
    next();
  };
}

export function callerOf(response: Response): Caller {
  const caller = knownCaller(response);
  // A route mounted outside authentication is a defect; it must not read anybody's data.
  if (caller === undefined) throw new Error('This route is not behind authentication');
  return caller;
}

export function tenantOf(response: Response): string {
  return callerOf(response).tenant;
}

/** `undefined` for a request without a valid key. */
export function knownCaller(response: Response): Caller | undefined {
  return response.locals['caller'] as Caller | undefined;
}
