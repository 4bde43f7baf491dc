import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { generateKeyPairSync } from 'node:crypto';

import type { VerifierOptions } from '../../../src/identity/verifier.ts';
import { verifierFor } from '../../support/identities.ts';
import { type IdentityProvider, signed, signingKey, startIdentityProvider } from '../../support/identity-provider.ts';

const key = signingKey('one', 'ES256');
let provider: IdentityProvider;
beforeAll(async () => {
  provider = await startIdentityProvider([key]);
});
afterAll(() => provider.close());

const issued = 1_800_000_000;
/** Seconds since the token was issued. */
let age: number;
beforeEach(() => {
  age = 0;
});
const verifier = (changes: Partial<VerifierOptions> = {}) => verifierFor(provider, { now: () => (issued + age) * 1_000, ...changes });
const token = (changes: Record<string, unknown> = {}, signer = key) =>
  signed(signer, provider.claims({ iat: issued, exp: issued + 300, ...changes }));

test('a token ends thirty seconds after its expiry: clocks may differ by that', async () => {
  const tokens = verifier();
  age = 329;
  expect(await tokens.verify(token())).toMatchObject({ subject: 'ada@example.com', expiresAt: (issued + 330) * 1_000 });
  age = 330;
  expect(await tokens.verify(token())).toBeUndefined();
});

test('a token does not count more than thirty seconds before its time', async () => {
  const tokens = verifier();
  const nbf = issued + 100;
  age = 69;
  expect(await tokens.verify(token({ nbf }))).toBeUndefined();
  age = 70;
  expect(await tokens.verify(token({ nbf }))).toBeDefined();
});

test('a token ends with its greatest age, when there is one, and must say when it was issued', async () => {
  const tokens = verifier({ maxTokenAgeSeconds: 60 });
  expect(await tokens.verify(token())).toMatchObject({ expiresAt: (issued + 90) * 1_000 });
  expect(await tokens.verify(token({ exp: issued + 10 }))).toMatchObject({ expiresAt: (issued + 40) * 1_000 });
  for (const iat of [undefined, String(issued), issued + 31]) expect(await tokens.verify(token({ iat }))).toBeUndefined();
  age = 91;
  expect(await tokens.verify(token())).toBeUndefined();
});

test('a token may be as long as configured, and no longer', async () => {
  const one = token();
  expect(await verifier({ maxTokenBytes: one.length }).verify(one)).toBeDefined();
  expect(await verifier({ maxTokenBytes: one.length - 1 }).verify(one)).toBeUndefined();
});

test('only algorithms of the list count, also when the key and its signature are good', async () => {
  expect(await verifier({ algorithms: ['ES256'] }).verify(token())).toBeDefined();
  expect(await verifier({ algorithms: ['RS256', 'EdDSA'] }).verify(token())).toBeUndefined();
});

test('an RSA key of fewer than 2048 bits does not count', async () => {
  const pair = generateKeyPairSync('rsa', { modulusLength: 1024 });
  const weak = { ...signingKey('weak'), ...pair, jwk: { ...pair.publicKey.export({ format: 'jwk' }), kid: 'weak' } };
  const strong = signingKey('strong');
  provider.keys = [key, weak, strong];
  expect(await verifier().verify(token({}, strong))).toBeDefined();
  expect(await verifier().verify(token({}, weak))).toBeUndefined();
  provider.keys = [key];
});

test('a token without the name of its key is taken when only one key fits', async () => {
  const claims = provider.claims({ iat: issued, exp: issued + 300 });
  const nameless = signed(key, claims, { alg: 'ES256' });
  expect(await verifier().verify(nameless)).toBeDefined();
  const other = signingKey('two', 'ES256');
  provider.keys = [key, other];
  expect(await verifier().verify(nameless)).toBeUndefined();
  provider.keys = [key];
});

test('a failure at the identity provider is told in our own words, with a time to come again', async () => {
  const reasons: string[] = [];
  provider.answer = (_request, response) => response.writeHead(503).end('upstream');
  await expect(verifier({ onFailure: (reason) => reasons.push(reason) }).verify(token())).rejects.toMatchObject({
    code: 'identity_provider_unavailable',
    message: 'The keys of the identity provider cannot be read now.',
    retryAfterSeconds: 30,
  });
  expect(reasons).toEqual(['discovery: status 503']);
  provider.answer = undefined;
});
