import { timingSafeEqual } from 'node:crypto';

import type { ApiKeys, Caller } from '../jobs/api-keys.ts';
import { installation, type TenantKeys } from '../jobs/tenant-keys.ts';

/** Whoever has a token of one job: may read that job, and has no scopes. */
export interface TokenCaller extends Caller {
  jobId: string;
}

interface TokenFacts {
  /** Whom the token was made for: the id of an API key, without which it is worth nothing, and which tells the tenant; or `oidc_….tenant`. */
  maker: string;
  jobId: string;
  /** Unix time in seconds. */
  expires: string;
}

const shape =
  /^hjt_(?<maker>key_[0-9a-f]{26}|(?<subjectId>oidc_[0-9a-f]{26})\.(?<tenant>[a-z0-9][a-z0-9_-]{0,62}))\.(?<jobId>[a-z]+_[a-z2-7]{26})\.(?<expires>\d{1,12})\.(?<signature>[\w-]{43})$/;

export const looksLikeJobToken = (text: string): boolean => text.startsWith('hjt_');

async function sign(tenantKeys: TenantKeys, tenant: string, { maker, jobId, expires }: TokenFacts): Promise<string> {
  return Buffer.from(await tenantKeys.mac(tenant, 'job token', `${maker}\n${jobId}\n${expires}`)).toString('base64url');
}

/** For callers with an API key, and for those with an access token. @throws AppError `database_unavailable`. */
export async function jobToken(tenantKeys: TenantKeys, { keyId, tenant }: Caller, jobId: string, expires: number): Promise<string> {
  const [maker, signer] = keyId.startsWith('oidc_') ? [`${keyId}.${tenant}`, installation] : [keyId, tenant];
  const facts = { maker, jobId, expires: String(expires) };
  return `hjt_${maker}.${jobId}.${facts.expires}.${await sign(tenantKeys, signer, facts)}`;
}

export interface TokenChecks {
  keys: Pick<ApiKeys, 'callerById'>;
  tenantKeys: TenantKeys;
  /** Whether tokens that were made for callers with an access token count. */
  identities: boolean;
  now: number;
}

/** `undefined` for a token that we did not make, or that is over. @throws AppError `database_unavailable`. */
export async function tokenCaller(token: string, { keys, tenantKeys, identities, now }: TokenChecks): Promise<TokenCaller | undefined> {
  const { maker = '', subjectId, tenant = '', jobId = '', expires = '', signature = '' } = shape.exec(token)?.groups ?? {};
  if (Number(expires) * 1_000 <= now) return undefined;
  // Nothing is computed with the secret of a tenant, which may have to be made, on the word of whoever asks: a subject's tokens
  // are signed by the installation.
  const whose = subjectId === undefined ? await keys.callerById(maker) : { keyId: subjectId, tenant, localOnly: false };
  if (whose === undefined || (subjectId !== undefined && !identities)) return undefined;
  const signer = subjectId === undefined ? whose.tenant : installation;
  const own = Buffer.from(await sign(tenantKeys, signer, { maker, jobId, expires }));
  const given = Buffer.from(signature);
  if (given.length !== own.length || !timingSafeEqual(given, own)) return undefined;
  return { ...whose, scopes: [], jobId };
}
