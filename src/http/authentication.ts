import type { Request, RequestHandler, Response } from 'express';

import { AppError } from '../errors.ts';
import { allows, type ApiKeys, type Caller, type KeyScope } from '../jobs/api-keys.ts';
import { type Identities, looksLikeJwt } from '../jobs/identities.ts';
import type { TenantKeys } from '../jobs/tenant-keys.ts';
import { looksLikeJobToken, tokenCaller, type TokenCaller } from './job-token.ts';
import { isLocal } from './local-request.ts';

/** What a route asks for: a scope; or `read`, or a token of the job that the path has as `:id`. */
export type Needs = KeyScope | 'read or job token';

/** Longer than any key of ours. */
const maxKeyLength = 512;

/** RFC 6750, 3. */
const challenge = (attributes = '') => `Bearer realm="handoff"${attributes}`;

/**
 * RFC 6750, 2.3, for `EventSource`, which can't send headers. Tokens of one job only: an address gets into the logs of
 * proxies, where no API key should be. Mount it at what may be followed, before `authenticate`.
 */
export const tokenInQuery: RequestHandler = (request, response, next) => {
  const { access_token: token } = request.query;
  if (typeof token === 'string' && looksLikeJobToken(token)) response.locals['tokenInQuery'] = token;
  next();
};

/** What is sent as a key or token in the header. */
export const bearerOf = (request: Request) => /^Bearer +([A-Za-z0-9._~+/=-]+) *$/i.exec(request.get('Authorization') ?? '')?.[1];

function sentBy(request: Request, response: Response): string | undefined {
  if (request.get('Authorization') === undefined) return response.locals['tokenInQuery'] as string | undefined;
  return bearerOf(request);
}

export interface Authenticators {
  keys: ApiKeys;
  tenantKeys: TenantKeys;
  /** Not there: no identity provider is configured, and whatever is no token of a job is an API key. */
  identities?: Identities | undefined;
}

/**
 * RFC 6750 bearer tokens: API keys, tokens of one job, and access tokens of an identity provider; the form decides.
 * After it, `callerOf(response)` and `tenantOf(response)` are known.
 */
export function authenticate({ keys, tenantKeys, identities }: Authenticators): RequestHandler {
  async function find(sent: string): Promise<Caller | undefined> {
    if (identities !== undefined && looksLikeJwt(sent)) return identities.callerOf(sent);
    if (sent.length > maxKeyLength) return undefined;
    if (!looksLikeJobToken(sent)) return keys.callerOf(sent);
    return tokenCaller(sent, { keys, tenantKeys, identities: identities !== undefined, now: Date.now() });
  }
  const credential =
    identities === undefined
      ? 'an API key: Authorization: Bearer <key>'
      : 'an API key or a valid access token: Authorization: Bearer <key or token>';
  return async (request, response, next) => {
    const sent = sentBy(request, response);
    const caller = sent === undefined ? undefined : await find(sent);
    const fromElsewhere = caller?.localOnly === true && !isLocal(request);
    if (sent === undefined || caller === undefined || fromElsewhere) {
      response.set('WWW-Authenticate', challenge(sent === undefined ? '' : ', error="invalid_token"'));
      const detail = fromElsewhere
        ? 'The development key works on this machine only, and not through a proxy. Create a key: POST /v1/api-keys.'
        : `Send ${credential}.`;
      throw new AppError('unauthorized', detail);
    }
    response.locals['caller'] = caller;
    const isOver = () => caller.expiresAt !== undefined && caller.expiresAt <= Date.now();
    response.locals['stillValid'] = async () => !isOver() && (await find(sent)) !== undefined;
    next();
  };
}

/** Lets only callers pass who may do this. Every route below `/v1` has one: see `route`. */
export function allowed(needs: Needs): RequestHandler {
  const [scope, tokenWillDo] = needs === 'read or job token' ? (['read', true] as const) : ([needs, false] as const);
  return (request, response, next) => {
    const caller: Caller & Partial<TokenCaller> = callerOf(response);
    if (caller.jobId !== undefined && tokenWillDo) {
      if (request.params['id'] !== caller.jobId) throw new AppError('not_found', 'There is no such job.');
    } else if (!allows(caller.scopes, scope)) {
      response.set('WWW-Authenticate', challenge(`, error="insufficient_scope", scope="${scope}"`));
      throw new AppError('insufficient_scope', `This needs the scope ${scope}.`);
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

/** For what takes long: whether what the caller sent would still be taken. @throws AppError `database_unavailable`, `identity_provider_unavailable`. */
export function isStillValid(response: Response): Promise<boolean> {
  return (response.locals['stillValid'] as () => Promise<boolean>)();
}

/** The same for all streams of one key, or of one job's tokens, which it does not tell. */
export function streamOwnerOf(response: Response): string {
  const { keyId, jobId }: Caller & Partial<TokenCaller> = callerOf(response);
  return jobId ?? keyId;
}
