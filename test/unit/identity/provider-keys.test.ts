import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { IncomingMessage, ServerResponse } from 'node:http';

import { createKeyReader } from '../../../src/identity/provider-keys.ts';
import { createGuardedFetch, type Guard } from '../../../src/outbound/guarded-fetch.ts';
import { type Canary, startCanary } from '../../support/canary.ts';
import { type IdentityProvider, signingKey, startIdentityProvider } from '../../support/identity-provider.ts';

const key = signingKey('one', 'ES256');
let provider: IdentityProvider;
let canary: Canary;
beforeAll(async () => {
  provider = await startIdentityProvider([key]);
  canary = await startCanary('127.0.0.1', (_request, response) => response.end(JSON.stringify({ keys: [key.jwk] })));
});
afterAll(async () => {
  await provider.close();
  await canary.close();
});
afterEach(() => {
  provider.answer = undefined;
  provider.discovery = {};
  provider.hits.length = 0;
});

interface Changes {
  issuer?: string;
  jwksUrl?: string;
  guard?: Guard;
  timeoutMs?: number;
}

/** `read`, or why not. */
async function outcome({ issuer = provider.issuer, jwksUrl, guard, timeoutMs = 20_000 }: Changes = {}): Promise<string> {
  const fetch = createGuardedFetch({ origins: [provider.issuer], ...guard });
  try {
    await createKeyReader({ issuer, jwksUrl, fetch, timeoutMs })();
    return 'read';
  } catch (error) {
    return (error as Error).message;
  }
}

describe('the keys', () => {
  test('are found by the discovery document', async () => {
    expect([await outcome(), provider.hits]).toEqual(['read', ['/.well-known/openid-configuration', '/keys']]);
  });

  test('are found without one when their address is configured', async () => {
    expect([await outcome({ jwksUrl: `${provider.issuer}/keys` }), provider.hits]).toEqual(['read', ['/keys']]);
  });

  test('of an issuer with a slash at its end are found', async () => {
    const issuer = `${provider.issuer}/`;
    provider.discovery = { issuer };
    expect(await outcome({ issuer })).toBe('read');
  });

  test('are not taken from the document of another issuer', async () => {
    for (const issuer of [`${provider.issuer}/`, 'https://login.example.com', null, [provider.issuer]]) {
      provider.discovery = { issuer };
      expect([issuer, await outcome()]).toEqual([issuer, 'discovery: of another issuer']);
    }
  });
});

describe('a jwks_uri', () => {
  const uris: Record<string, [reason: string, uri: () => unknown]> = {
    'of another port': ['discovery: jwks_uri is not https', () => `http://127.0.0.1:${String(canary.port)}/keys`],
    'of another host, open to everybody on the way': ['discovery: jwks_uri is not https', () => 'http://login.example.com/keys'],
    'of another scheme': ['keys: refused', () => provider.issuer.replace('http:', 'https:')],
    'with the issuer as user info': [
      'keys: refused',
      () => `${provider.issuer.replace('http:', 'https:')}@127.0.0.1:${String(canary.port)}/keys`.replace(/:\d+@/, '@'),
    ],
    'of a private address': ['keys: refused', () => 'https://10.0.0.1/keys'],
    'of the metadata of a cloud': ['keys: refused', () => 'https://169.254.169.254/latest/meta-data'],
    'of this machine in decimal': ['keys: refused', () => `https://2130706433:${String(canary.port)}/keys`],
    'of this machine in IPv6': ['keys: refused', () => `https://[::ffff:7f00:1]:${String(canary.port)}/keys`],
    'that is a file': ['discovery: jwks_uri is not https', () => 'file:///etc/passwd'],
    'that is no address': ['discovery: no jwks_uri', () => 'keys'],
    'that is no text': ['discovery: no jwks_uri', () => ({ url: `${provider.issuer}/keys` })],
    'that is not there': ['discovery: no jwks_uri', () => undefined],
  };

  test.each(Object.entries(uris))('%s is not followed', async (_kind, [reason, uri]) => {
    provider.discovery = { jwks_uri: uri() };
    expect(await outcome()).toBe(reason);
    expect([canary.connections, provider.hits]).toEqual([0, ['/.well-known/openid-configuration']]);
  });

  test('of another host is followed to where the operator lets requests go', async () => {
    provider.discovery = { jwks_uri: `https://127.0.0.1:${String(canary.port)}/keys` };
    // Past the guard; the canary has no certificate.
    expect(await outcome({ guard: { allow: ['127.0.0.1'] } })).toBe('keys: unreachable');
    expect(canary.connections).toBe(1);
  });
});

describe('an answer that is none', () => {
  type Answer = (request: IncomingMessage, response: ServerResponse) => void;
  const answers: [string, Answer, string][] = [
    ['an error', (_request, response) => response.writeHead(500).end('{"keys":[]}'), 'keys: status 500'],
    [
      'a redirect',
      (_request, response) => response.writeHead(302, { Location: `http://127.0.0.1:${String(canary.port)}/` }).end(),
      'keys: status 302',
    ],
    ['no JSON', (_request, response) => response.end('<html>hunter2</html>'), 'keys: no JSON'],
    ['null', (_request, response) => response.end('null'), 'keys: no JSON Web Key Set'],
    ['no key set', (_request, response) => response.end('{"keys":"hunter2"}'), 'keys: no JSON Web Key Set'],
    ['no end of bytes', (_request, response) => response.end(`{"keys":[],"x":"${'x'.repeat(300_000)}"}`), 'keys: too_large'],
    ['a closed connection', (request) => request.socket.destroy(), 'keys: unreachable'],
  ];

  test.each(answers)('is told in our own words: %s', async (_kind, answer, reason) => {
    const { connections } = canary;
    provider.answer = answer;
    expect(await outcome({ jwksUrl: `${provider.issuer}/keys` })).toBe(reason);
    expect(canary.connections).toBe(connections);
  });

  test('is not waited for: neither for its beginning nor for its end', async () => {
    const slow: Answer[] = [() => undefined, (_request, response) => response.write('{')];
    for (const answer of slow) {
      provider.answer = answer;
      expect(await outcome({ timeoutMs: 100 })).toBe('discovery: timed_out');
    }
  });
});
