import { createTokenVerifier, type VerifierOptions } from '../../src/identity/verifier.ts';
import { createIdentities, type Identities, type IdentityOptions, type TokenVerifier } from '../../src/jobs/identities.ts';
import { createGuardedFetch } from '../../src/outbound/guarded-fetch.ts';
import { audience, type IdentityProvider } from './identity-provider.ts';

export const usualClaims = { tenantClaim: 'tenant', scopesClaim: 'scope', scopePrefix: '' };

/** As the API has it by default, for this provider. */
export function verifierFor({ issuer }: Pick<IdentityProvider, 'issuer'>, changes: Partial<VerifierOptions> = {}): TokenVerifier {
  return createTokenVerifier({
    issuer,
    audience,
    algorithms: ['RS256', 'PS256', 'ES256', 'EdDSA'],
    maxTokenBytes: 8_192,
    fetch: createGuardedFetch({ origins: [issuer] }),
    onFailure: () => undefined,
    // Looked up each time, so that a test can change it.
    now: () => Date.now(),
    ...changes,
  });
}

export function identitiesFor(provider: Pick<IdentityProvider, 'issuer'>, changes: Partial<IdentityOptions> = {}): Identities {
  return createIdentities({ ...usualClaims, verifier: verifierFor(provider), now: () => Date.now(), ...changes });
}
