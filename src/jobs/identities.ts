import { createHash } from 'node:crypto';

import { type Caller, type KeyScope, keyScopes } from './api-keys.ts';
import { isTenant } from './tenants.ts';

/** What an identity provider has signed (RFC 7519). */
export interface VerifiedToken {
  issuer: string;
  subject: string;
  claims: Readonly<Record<string, unknown>>;
  /** From then on it is not taken, in milliseconds since 1970. */
  expiresAt: number;
}

export interface TokenVerifier {
  /** `undefined` for a token that is not meant for us, not signed by the identity provider, or over. @throws AppError `identity_provider_unavailable`. */
  verify(token: string): Promise<VerifiedToken | undefined>;
}

/** Callers whom an identity provider vouches for. */
export interface Identities {
  /** `undefined` for a token that is not valid, or names no tenant. @throws AppError `identity_provider_unavailable`. */
  callerOf(token: string): Promise<Caller | undefined>;
}

export interface ClaimNames {
  /** A name with `:` in it, such as a URL, as it is; any other is a path: `app.tenant` is `tenant` in `app`. */
  tenantClaim: string;
  /** The same, of a text with spaces, or of a list. */
  scopesClaim: string;
  /** Before each scope; values without it don't count. */
  scopePrefix: string;
}

/** How long a token is trusted before its signature is checked again, in milliseconds. */
const trustMs = 60_000;
/** Bounds the memory that tokens can take. */
const capacity = 10_000;

/** Three parts of base64url with dots between them; the last, the signature, may be missing. No API key of ours has a dot. */
export const looksLikeJwt = (text: string): boolean => /^[\w-]+\.[\w-]+\.[\w-]*$/.test(text);

/** Begins with `oidc_`, like no id of an API key. Not the subject itself: that may be an e-mail address. */
const idOf = ({ issuer, subject }: VerifiedToken) =>
  `oidc_${createHash('sha256')
    .update(JSON.stringify([issuer, subject]))
    .digest('hex')
    .slice(0, 26)}`;

function claimOf(claims: VerifiedToken['claims'], name: string): unknown {
  let value: unknown = claims;
  for (const part of name.includes(':') ? [name] : name.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) return undefined;
    value = (value as Record<string, unknown>)[part];
  }
  return value;
}

function scopesIn(value: unknown, prefix: string): KeyScope[] {
  const given: unknown[] = typeof value === 'string' ? value.split(' ') : Array.isArray(value) ? value : [];
  return keyScopes.filter((scope) => given.includes(`${prefix}${scope}`));
}

export interface IdentityOptions extends ClaimNames {
  verifier: TokenVerifier;
  now?: () => number;
}

/** Makes callers of verified tokens, and keeps them for a minute, so that most requests cost a hash and no signature. */
export function createIdentities({ verifier, tenantClaim, scopesClaim, scopePrefix, now = Date.now }: IdentityOptions): Identities {
  const known = new Map<string, { caller: Caller; until: number }>();

  return {
    async callerOf(token) {
      const hash = createHash('sha256').update(token).digest('base64');
      const cached = known.get(hash);
      if (cached !== undefined && now() < cached.until) return cached.caller;
      known.delete(hash);
      const verified = await verifier.verify(token);
      if (verified === undefined) return undefined;
      const tenant = claimOf(verified.claims, tenantClaim);
      if (!isTenant(tenant)) return undefined;
      const { expiresAt } = verified;
      const scopes = scopesIn(claimOf(verified.claims, scopesClaim), scopePrefix);
      const caller = { keyId: idOf(verified), tenant, scopes, localOnly: false, expiresAt };
      if (known.size >= capacity) known.clear();
      known.set(hash, { caller, until: Math.min(expiresAt, now() + trustMs) });
      return caller;
    },
  };
}
