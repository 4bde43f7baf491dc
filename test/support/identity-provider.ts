import { constants, generateKeyPairSync, type JsonWebKey, type KeyObject, sign } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A pair of keys, and what the provider publishes of it. */
export interface SigningKey {
  kid: string;
  alg: string;
  privateKey: KeyObject;
  publicKey: KeyObject;
  jwk: JsonWebKey & { kid?: string; alg?: string };
}

export function signingKey(kid: string, alg = 'RS256'): SigningKey {
  const pair = alg.startsWith('ES')
    ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
    : alg === 'EdDSA'
      ? generateKeyPairSync('ed25519')
      : generateKeyPairSync('rsa', { modulusLength: 2048 });
  return { kid, alg, ...pair, jwk: { ...pair.publicKey.export({ format: 'jwk' }), kid, alg, use: 'sig' } };
}

export const encoded = (value: unknown): string =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');

/** By RFC 7518, with nothing but Node: what is checked is not made by the library that checks it. */
function signatureOf(alg: string, input: string, key: KeyObject): string {
  const data = Buffer.from(input);
  if (alg === 'EdDSA') return sign(null, data, key).toString('base64url');
  if (alg.startsWith('ES')) return sign('sha256', data, { key, dsaEncoding: 'ieee-p1363' }).toString('base64url');
  const padding = alg.startsWith('PS') ? { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 } : {};
  return sign('sha256', data, { key, ...padding }).toString('base64url');
}

/** A token in any shape: text is taken as it is, objects become JSON. */
export function signed(key: SigningKey, claims: unknown, head: unknown = { alg: key.alg, kid: key.kid, typ: 'at+jwt' }): string {
  const input = `${encoded(head)}.${encoded(claims)}`;
  return `${input}.${signatureOf(key.alg, input, key.privateKey)}`;
}

export interface IdentityProvider {
  readonly issuer: string;
  /** What it has at `/keys`; can be changed. */
  keys: SigningKey[];
  /** What its discovery document says beside `issuer` and `jwks_uri`, or instead. */
  discovery: Record<string, unknown>;
  /** Instead of its usual answers. */
  answer: ((request: IncomingMessage, response: ServerResponse) => void) | undefined;
  /** Paths that were asked for, in order. */
  readonly hits: string[];
  /** What a token for us says; whole seconds. */
  claims(changes?: Record<string, unknown>): Record<string, unknown>;
  close(): Promise<void>;
}

export const audience = 'handoff-test';

/** An OpenID provider on a port of its own: discovery document and keys over HTTP. */
export async function startIdentityProvider(keys: SigningKey[]): Promise<IdentityProvider> {
  const server = createServer((request, response) => {
    provider.hits.push(request.url ?? '');
    if (provider.answer !== undefined) {
      provider.answer(request, response);
      return;
    }
    const { issuer, discovery } = provider;
    const documents: Record<string, unknown> = {
      '/.well-known/openid-configuration': { issuer, jwks_uri: `${issuer}/keys`, ...discovery },
      '/keys': { keys: provider.keys.map(({ jwk }) => jwk) },
    };
    const document = documents[request.url ?? ''];
    response.writeHead(document === undefined ? 404 : 200, { 'Content-Type': 'application/json' });
    response.end(JSON.stringify(document ?? {}));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const provider: IdentityProvider = {
    issuer: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`,
    keys,
    discovery: {},
    answer: undefined,
    hits: [],
    claims(changes = {}) {
      const now = Math.floor(Date.now() / 1_000);
      const usual = { iss: provider.issuer, aud: audience, sub: 'ada@example.com', iat: now, exp: now + 300 };
      return { ...usual, tenant: 'acme', scope: 'openid submit read', ...changes };
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return provider;
}
