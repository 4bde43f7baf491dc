import { timingSafeEqual } from 'node:crypto';

import type { ApiKeys, Caller } from '../jobs/api-keys.ts';
import type { TenantKeys } from '../jobs/tenant-keys.ts';

/** Whoever has a token of one job: may read that job, and has no scopes. */
export interface TokenCaller extends Caller {
  jobId: string;
}

interface TokenFacts {
  /** Of the key that asked for the token: without that key the token is worth nothing. */
  keyId: string;
  jobId: string;
  /** Unix time in seconds. */
  expires: string;
}

const shape = /^hjt_(?<keyId>key_[0-9a-f]{26})\.(?<jobId>[a-z]+_[a-z2-7]{26})\.(?<expires>\d{1,12})\.(?<signature>[\w-]{43})$/;

export const looksLikeJobToken = (text: string): boolean => text.startsWith('hjt_');

async function sign(tenantKeys: TenantKeys, tenant: string, { keyId, jobId, expires }: TokenFacts): Promise<string> {
  return Buffer.from(await tenantKeys.mac(tenant, 'job token', `${keyId}\n${jobId}\n${expires}`)).toString('base64url');
}

/** @throws AppError `database_unavailable`. */
export async function jobToken(tenantKeys: TenantKeys, { keyId, tenant }: Caller, jobId: string, expires: number): Promise<string> {
  const facts = { keyId, jobId, expires: String(expires) };
  return `hjt_${keyId}.${jobId}.${facts.expires}.${await sign(tenantKeys, tenant, facts)}`;
}

/** `undefined` for a token that we did not make, or that is over. @throws AppError `database_unavailable`. */
export async function tokenCaller(
  token: string,
  { keys, tenantKeys, now }: { keys: Pick<ApiKeys, 'callerById'>; tenantKeys: TenantKeys; now: number },
): Promise<TokenCaller | undefined> {
  const { keyId = '', jobId = '', expires = '', signature = '' } = shape.exec(token)?.groups ?? {};
  if (Number(expires) * 1_000 <= now) return undefined;
  // Before anything is computed for a tenant: that there is one must not be decided by who asks.
  const maker = await keys.callerById(keyId);
  if (maker === undefined) return undefined;
  const own = Buffer.from(await sign(tenantKeys, maker.tenant, { keyId, jobId, expires }));
  const given = Buffer.from(signature);
  if (given.length !== own.length || !timingSafeEqual(given, own)) return undefined;
  return { ...maker, scopes: [], jobId };
}
