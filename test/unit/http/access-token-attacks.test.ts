import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createHmac } from 'node:crypto';
import type { Response } from 'supertest';

import { testApi } from '../../support/api.ts';
import { type Canary, startCanary } from '../../support/canary.ts';
import { exchange } from '../../support/exchange.ts';
import { identitiesFor } from '../../support/identities.ts';
import { audience, encoded, type IdentityProvider, signed, signingKey, startIdentityProvider } from '../../support/identity-provider.ts';

const rsa = signingKey('rsa');
const pss = signingKey('pss', 'PS256');
const ec = signingKey('ec', 'ES256');
const ed = signingKey('ed', 'EdDSA');
const stranger = { ...signingKey('stranger'), kid: 'rsa' };

let provider: IdentityProvider;
let canary: Canary;
beforeAll(async () => {
  provider = await startIdentityProvider([rsa, pss, ec, ed]);
  canary = await startCanary('127.0.0.1', (_request, response) => response.end(JSON.stringify({ keys: [stranger.jwk] })));
});
afterAll(async () => {
  await provider.close();
  await canary.close();
});

const api = testApi({ identities: () => identitiesFor(provider) });

const token = (changes: Record<string, unknown> = {}, key = rsa) => signed(key, provider.claims(changes));
const read = (bearer: string) => api.agent(bearer).get('/v1/jobs/email_x');

const invalidToken = 'Bearer realm="handoff", error="invalid_token"';

/** The same for whatever is wrong, down to the last word. */
function expectRefused(what: string, response: Response): void {
  const { requestId, ...body } = response.body as Record<string, unknown>;
  expect([what, response.status, response.get('WWW-Authenticate'), typeof requestId, body]).toEqual([
    what,
    401,
    invalidToken,
    'string',
    {
      type: 'urn:handoff:problem:unauthorized',
      title: 'A valid API key is needed',
      status: 401,
      detail: 'Send an API key or a valid access token: Authorization: Bearer <key or token>.',
      instance: '/v1/jobs/email_x',
      code: 'unauthorized',
      retryable: false,
    },
  ]);
}

const now = () => Math.floor(Date.now() / 1_000);
const parts = (text: string) => text.split('.') as [string, string, string];
const forged = (head: Record<string, unknown>, key = stranger) => signed(key, provider.claims(), { alg: 'RS256', typ: 'JWT', ...head });
const hmac = (secret: string | Buffer, alg = 'HS256', head: Record<string, unknown> = { kid: 'rsa' }) => {
  const input = `${encoded({ alg, typ: 'JWT', ...head })}.${encoded(provider.claims())}`;
  return `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`;
};
const canaryUrl = () => `http://127.0.0.1:${String(canary.port)}/keys`;

/** S14. Each must be refused in the same words. */
const attacks: Record<string, () => string[]> = {
  'no signature: alg none': () =>
    ['none', 'None', 'NONE', 'nOnE', ''].flatMap((alg) => {
      const input = `${encoded({ alg, typ: 'JWT' })}.${encoded(provider.claims())}`;
      return [`${input}.`, `${input}.${parts(token())[2]}`, `${encoded({ typ: 'JWT' })}.${encoded(provider.claims())}.`];
    }),
  'a signature that was taken off, or belongs to another token': () => {
    const [head, claims, signature] = parts(token());
    const other = encoded(provider.claims({ tenant: 'other' }));
    return [
      `${head}.${claims}.`,
      `${head}.${other}.${signature}`,
      `${head}.${claims}.${signature.slice(0, -4)}`,
      `${head}.${claims}.${signature}AAAA`,
    ];
  },
  'RS256 to HS256: the public key as a secret': () => {
    const pem = rsa.publicKey.export({ type: 'spki', format: 'pem' });
    const secrets = [
      ...[pem, String(pem).trim(), rsa.publicKey.export({ type: 'pkcs1', format: 'pem' }), JSON.stringify(rsa.jwk), rsa.jwk.n ?? ''],
      ...[rsa.publicKey.export({ type: 'spki', format: 'der' }), Buffer.from(rsa.jwk.n ?? '', 'base64url')],
    ];
    return secrets.flatMap((secret) => ['HS256', 'HS384', 'RS256'].map((alg) => hmac(secret, alg)));
  },
  'a kid that is a path, a query or no text': () =>
    [
      ...[
        '../../../../dev/null',
        '/dev/null',
        'file:///dev/null',
        'rsa\0',
        "' UNION SELECT 'x' --",
        "x' OR '1'='1",
        '__proto__',
        'constructor',
        '*',
        '',
      ],
      ...[0, null, true, ['rsa'], { kid: 'rsa' }],
    ].flatMap((kid) => [forged({ kid }), hmac('', 'HS256', { kid }), hmac('x', 'HS256', { kid })]),
  'a key of its own in jwk or x5c': () => [
    forged({ jwk: stranger.jwk }),
    forged({ jwk: stranger.jwk, kid: 'rsa' }),
    forged({ jwk: { kty: 'oct', k: 'eA' }, alg: 'HS256' }),
    forged({ x5c: [stranger.publicKey.export({ type: 'spki', format: 'der' }).toString('base64')], kid: 'rsa' }),
  ],
  'a key of its own behind jku or x5u': () => [
    forged({ jku: canaryUrl() }),
    forged({ jku: canaryUrl(), kid: 'rsa' }),
    forged({ jku: canaryUrl(), kid: 'unknown' }),
    forged({ x5u: canaryUrl(), kid: 'rsa' }),
    forged({ jku: `${provider.issuer}@127.0.0.1:${String(canary.port)}/keys` }),
  ],
  'a key that the identity provider does not have': () => [forged({ kid: 'rsa' }), forged({ kid: 'unknown' }), forged({})],
  'another audience': () =>
    [undefined, null, '', 'other', `${audience}x`, audience.slice(0, -1), ['other'], [], { aud: audience }, [[audience]], 1].map((aud) =>
      token({ aud }),
    ),
  'another issuer': () =>
    [
      undefined,
      null,
      '',
      'https://login.example.com',
      `${provider.issuer}/`,
      provider.issuer.toUpperCase(),
      [provider.issuer],
      `${provider.issuer}.example.com`,
    ].map((iss) => token({ iss })),
  'no expiry, or one that is no number': () =>
    [undefined, null, String(now() + 300), '2099-01-01T00:00:00Z', [now() + 300], {}, true].map((exp) => token({ exp })),
  'an expiry longer ago than clocks differ': () => [
    token({ exp: now() - 31 }),
    token({ exp: 0 }),
    token({ exp: -1 }),
    token({ exp: now() - 31, iat: now() }),
  ],
  'a time before which it does not count': () => [token({ nbf: now() + 300 }), token({ nbf: String(now()) }), token({ nbf: null })],
  'a claim that stands twice': () => {
    const [claims, head] = [JSON.stringify(provider.claims()), JSON.stringify({ alg: 'RS256', kid: 'rsa' })];
    const more = (text: string, extra: string) => text.replace(/\}$/, `,${extra}}`);
    return [
      signed(rsa, more(claims, '"tenant":"other"')),
      signed(rsa, more(claims, '"tenant":"acme"')),
      signed(rsa, more(claims, '"ten\\u0061nt":"other"')),
      signed(rsa, more(claims, `"exp":${String(now() + 9_999)}`)),
      signed(rsa, more(claims, '"app":{"x":1,"x":2}')),
      signed(rsa, claims, more(head, '"alg":"RS256"')),
      signed(rsa, claims, `{"alg":"none",${head.slice(1)}`),
    ];
  },
  'a huge size': () => [
    token({ padding: 'x'.repeat(6_200) }),
    token({ scope: 'read '.repeat(1_500) }),
    `${'a.'.repeat(2)}${'a'.repeat(9_000)}`,
  ],
  'an algorithm that is not the key’s': () => [
    signed(rsa, provider.claims(), { alg: 'PS256', kid: 'rsa' }),
    signed(pss, provider.claims(), { alg: 'RS256', kid: 'pss' }),
    signed(rsa, provider.claims(), { alg: 'ES256', kid: 'rsa' }),
    signed(rsa, provider.claims(), { alg: 'ES256', kid: 'ec' }),
    signed(ec, provider.claims(), { alg: 'RS256', kid: 'ec' }),
    signed(ed, provider.claims(), { alg: 'ES256', kid: 'ed' }),
    signed(rsa, provider.claims(), { alg: 'EdDSA', kid: 'ed' }),
  ],
  'an algorithm that is not on the list': () =>
    ['RS384', 'RS512', 'ES384', 'ES256K', 'HS256', 'A256KW', 'dir', 'rs256', ' RS256', 7, null, ['RS256']].map((alg) =>
      signed(rsa, provider.claims(), { alg, kid: 'rsa' }),
    ),
  'a tenant that is none': () =>
    [
      ...[undefined, null, '', ['acme'], [], 7, 0, true, { tenant: 'acme' }, {}],
      ...[
        'Acme',
        ' acme',
        'acme ',
        'acme\n',
        'a/b',
        '../acme',
        '*',
        '-acme',
        'ac me',
        'acmé',
        'acme,other',
        ':installation',
        'a'.repeat(64),
      ],
    ].map((tenant) => token({ tenant })),
  'no subject': () => [undefined, null, '', 7, ['ada'], {}].map((sub) => token({ sub })),
  'another purpose, or demands that we do not know': () => [
    ...['logout+jwt', 'dpop+jwt', 'secevent+jwt', 'JOSE', '', 7].map((typ) =>
      signed(rsa, provider.claims(), { alg: 'RS256', kid: 'rsa', typ }),
    ),
    signed(rsa, provider.claims(), { alg: 'RS256', kid: 'rsa', crit: ['x'], x: 1 }),
    signed(rsa, provider.claims(), { alg: 'RS256', kid: 'rsa', crit: ['b64'], b64: false }),
  ],
  'what is no JWT inside': () => [
    ...['[]', '"x"', 'null', '7', '', '{', '{}', '\u0000'].map((claims) => signed(rsa, claims)),
    ...['a.b.c', 'e30.e30.e30', 'a.b.', '....', 'a.b.c.d', 'a.b.c.d.e'],
    `${encoded('[]')}.${encoded(provider.claims())}.x`,
  ],
};

describe('an access token', () => {
  test.each(Object.keys(attacks))('with %s is refused', async (name) => {
    const { length } = canary.requests;
    for (const bad of attacks[name]?.() ?? []) expectRefused(bad, await read(bad));
    expect([canary.requests.length, canary.connections, api.unexpected]).toEqual([length, 0, []]);
    // It was that which was wrong, and nothing else.
    expect((await read(token())).status).toBe(404);
  });

  test('that fills the head of a request is refused before anybody looks at it', async () => {
    const sent = {
      method: 'GET',
      path: '/v1/jobs',
      headers: { Authorization: `Bearer ${token({ padding: 'x'.repeat(20_000) })}` },
      body: undefined,
    };
    expect((await exchange(api.port, sent)).status).toBe(431);
  });

  test('may be as late, or as early, as clocks may differ, and name several audiences', async () => {
    for (const fine of [{ exp: now() - 5 }, { nbf: now() + 20 }, { aud: ['other', audience] }, { iat: now() + 20 }])
      expect([fine, (await read(token(fine))).status]).toEqual([fine, 404]);
    for (const typ of [undefined, 'JWT', 'jwt', 'at+jwt', 'application/at+jwt'])
      expect([typ, (await read(signed(rsa, provider.claims(), { alg: 'RS256', kid: 'rsa', typ }))).status]).toEqual([typ, 404]);
  });

  test('is refused in the same words as an unknown API key', async () => {
    expectRefused('key', await read('hk_unknown'));
  });
});
