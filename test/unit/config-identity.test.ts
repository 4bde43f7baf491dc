import { describe, expect, test } from '@jest/globals';

import { loadConfig } from '../../src/config.ts';
import { problemsOf } from '../support/config-problems.ts';

describe('the identity provider', () => {
  const both = { HANDOFF_OIDC_ISSUER: 'https://login.example.org', HANDOFF_OIDC_AUDIENCE: 'handoff' };

  test('has defaults for what need not be set', () => {
    expect(loadConfig(both).identity).toEqual({
      issuer: 'https://login.example.org',
      audience: 'handoff',
      jwksUrl: undefined,
      algorithms: ['RS256', 'PS256', 'ES256', 'EdDSA'],
      tenantClaim: 'tenant',
      scopesClaim: 'scope',
      scopePrefix: '',
      maxTokenAgeSeconds: undefined,
      maxTokenBytes: 8192,
    });
  });

  test.each([
    { HANDOFF_OIDC_ISSUER: both.HANDOFF_OIDC_ISSUER },
    { HANDOFF_OIDC_AUDIENCE: 'handoff' },
    { HANDOFF_OIDC_JWKS_URL: 'https://login.example.org/keys' },
    { HANDOFF_OIDC_ALGORITHMS: 'RS256' },
    { HANDOFF_OIDC_TENANT_CLAIM: 'org' },
    { HANDOFF_OIDC_SCOPE_PREFIX: 'handoff:' },
  ])('is refused when only half of it is configured: %j', (half) => {
    expect(problemsOf(half)).toContain('HANDOFF_OIDC_ISSUER and HANDOFF_OIDC_AUDIENCE must both be set');
  });

  test.each(['none', 'None', 'HS256', 'RS256,HS512', 'A256KW', 'rs256', 'RS256,', ','])('can not be asked for the algorithm %j', (name) => {
    expect(problemsOf({ ...both, HANDOFF_OIDC_ALGORITHMS: name })).toContain('HANDOFF_OIDC_ALGORITHMS: must be of RS256');
  });

  test.each([
    'http://login.example.org',
    'http://127.0.0.1.example.org',
    'ftp://127.0.0.1',
    'https://login.example.org?x',
    'https://u@login.example.org',
    'x',
  ])('must be reached safely, not at %s', (issuer) => {
    expect(problemsOf({ ...both, HANDOFF_OIDC_ISSUER: issuer })).toContain('HANDOFF_OIDC_ISSUER: must be a URL with https:');
    expect(problemsOf({ ...both, HANDOFF_OIDC_JWKS_URL: issuer })).toContain('HANDOFF_OIDC_JWKS_URL: must be a URL with https:');
  });
});

describe('what may be reached beside public addresses', () => {
  test.each(['10.0.0.0/8', '127.0.0.1', '::1', 'fd00::/8', 'keycloak', 'keycloak.internal', 'a_b.c-d'])('can be %s', (entry) => {
    expect(loadConfig({ HANDOFF_OUTBOUND_ALLOW: entry }).outboundAllow).toEqual([entry]);
  });

  test.each([
    '10.0.0.0/33',
    '10.0.0.0/',
    '10.0.0.0/8/8',
    '::/129',
    '10.1',
    '2130706433',
    'http://keycloak',
    'keycloak:8080',
    '*.internal',
    'a,,b',
    '-a',
    'a b',
  ])('can not be %j', (entry) => {
    expect(problemsOf({ HANDOFF_OUTBOUND_ALLOW: entry })).toContain('HANDOFF_OUTBOUND_ALLOW: must be addresses');
  });
});
