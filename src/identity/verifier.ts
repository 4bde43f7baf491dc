import { errors, jwtVerify } from 'jose';

import type { TokenVerifier } from '../jobs/identities.ts';
import { hasDuplicateNames } from './duplicate-names.ts';
import { createKeptKeys } from './kept-keys.ts';
import { createKeyReader, type ProviderAddresses, ProviderError } from './provider-keys.ts';

/** By how much our clock and the identity provider's may differ, in seconds. */
const skewSeconds = 30;

/** Access tokens by RFC 9068, and what most identity providers call them; other kinds of token are for other purposes (RFC 8725, 3.11). */
const types = new Set(['jwt', 'at+jwt', 'application/at+jwt']);

export interface VerifierOptions extends ProviderAddresses {
  audience: string;
  /** Asymmetric ones only. */
  algorithms: readonly string[];
  /** Since it was issued, whatever its expiry says. Default: no limit. */
  maxTokenAgeSeconds?: number | undefined;
  maxTokenBytes: number;
  /** A reason that may be logged. */
  onFailure: (reason: string) => void;
  now?: () => number;
}

const textOf = (part = '') => Buffer.from(part, 'base64url').toString('utf8');

/** Access tokens in the form of JWTs (RFC 7519, 8725, 9068), signed by one identity provider. */
export function createTokenVerifier(options: VerifierOptions): TokenVerifier {
  const { issuer, audience, algorithms, maxTokenAgeSeconds, maxTokenBytes, onFailure, now = Date.now } = options;
  const keys = createKeptKeys({
    read: createKeyReader(options),
    onFailure: (error) => {
      onFailure(error instanceof ProviderError ? error.message : 'unexpected');
    },
    now,
  });
  const rules = {
    issuer,
    audience,
    algorithms: [...algorithms],
    clockTolerance: skewSeconds,
    requiredClaims: ['exp', 'sub'],
    ...(maxTokenAgeSeconds !== undefined && { maxTokenAge: maxTokenAgeSeconds }),
  };

  async function verified(token: string) {
    const { payload, protectedHeader } = await jwtVerify(token, keys, { ...rules, currentDate: new Date(now()) });
    const { sub: subject, exp = 0, iat = 0 } = payload;
    if (typeof subject !== 'string' || subject === '') return undefined;
    if (protectedHeader.typ !== undefined && !types.has(protectedHeader.typ.toLowerCase())) return undefined;
    if (token.split('.').slice(0, 2).map(textOf).some(hasDuplicateNames)) return undefined;
    const end = maxTokenAgeSeconds === undefined ? exp : Math.min(exp, iat + maxTokenAgeSeconds);
    return { issuer, subject, claims: payload, expiresAt: (end + skewSeconds) * 1_000 };
  }

  return {
    async verify(token) {
      if (token.length > maxTokenBytes) return undefined;
      try {
        return await verified(token);
      } catch (error) {
        // A key that does not fit its algorithm is a TypeError.
        if (error instanceof errors.JOSEError || error instanceof TypeError) return undefined;
        throw error;
      }
    },
  };
}
