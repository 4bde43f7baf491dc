import { createLocalJWKSet, type CryptoKey, type FlattenedJWSInput, type JSONWebKeySet, type JWSHeaderParameters } from 'jose';

import type { GuardedFetch } from '../outbound/guarded-fetch.ts';

const maxBytes = 256 * 1024;

/** The public key for what the head of a token says. @throws errors of jose: there is none, or more than one. */
export type KeySet = (head: JWSHeaderParameters, token: FlattenedJWSInput) => Promise<CryptoKey>;

/** Its message is ours, and may be logged. */
export class ProviderError extends Error {
  override readonly name = 'ProviderError';
}

export interface ProviderAddresses {
  issuer: string;
  /** Default: as the issuer's discovery document says. */
  jwksUrl?: string | undefined;
  fetch: GuardedFetch;
  /** For discovery and keys together: nobody waits longer. In milliseconds. Default 4,000. */
  timeoutMs?: number;
}

/** The public keys of the identity provider, read anew at each call. @throws ProviderError. */
export function createKeyReader({ issuer, jwksUrl, fetch, timeoutMs = 4_000 }: ProviderAddresses): () => Promise<KeySet> {
  async function read(what: string, url: string, signal: AbortSignal): Promise<Record<string, unknown>> {
    const answer = await fetch(url, { timeoutMs, maxBytes, signal, headers: { Accept: 'application/json' } }).catch((error: unknown) => {
      const { reason = 'timed_out' } = error as { reason?: string };
      throw new ProviderError(`${what}: ${reason}`);
    });
    if (answer.status !== 200) throw new ProviderError(`${what}: status ${String(answer.status)}`);
    try {
      return { ...(JSON.parse(answer.body.toString('utf8')) as object) };
    } catch {
      throw new ProviderError(`${what}: no JSON`);
    }
  }

  /** OpenID Connect Discovery 1.0, 4. */
  async function discovered(signal: AbortSignal): Promise<string> {
    const document = await read('discovery', `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`, signal);
    if (document['issuer'] !== issuer) throw new ProviderError('discovery: of another issuer');
    const uri = document['jwks_uri'];
    if (typeof uri !== 'string' || !URL.canParse(uri)) throw new ProviderError('discovery: no jwks_uri');
    // Where it may lead is vetted by the fetch. Whoever can change keys on their way can make tokens.
    const { protocol, origin } = new URL(uri);
    if (protocol !== 'https:' && origin !== new URL(issuer).origin) throw new ProviderError('discovery: jwks_uri is not https');
    return uri;
  }

  return async () => {
    const signal = AbortSignal.timeout(timeoutMs);
    const keys = await read('keys', jwksUrl ?? (await discovered(signal)), signal);
    try {
      return createLocalJWKSet(keys as unknown as JSONWebKeySet);
    } catch {
      throw new ProviderError('keys: no JSON Web Key Set');
    }
  };
}
