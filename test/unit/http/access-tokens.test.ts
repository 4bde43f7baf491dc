import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { randomBytes } from 'node:crypto';

import { AppError } from '../../../src/errors.ts';
import type { Identities } from '../../../src/jobs/identities.ts';
import { newJobId } from '../../../src/jobs/ids.ts';
import { aJob, keys, testApi } from '../../support/api.ts';
import { exchange } from '../../support/exchange.ts';
import { type EventClient, follow } from '../../support/event-client.ts';
import { identitiesFor } from '../../support/identities.ts';
import { type IdentityProvider, signed, signingKey, startIdentityProvider } from '../../support/identity-provider.ts';

const rsa = signingKey('rsa');
const pss = signingKey('pss', 'PS256');
const ec = signingKey('ec', 'ES256');
const ed = signingKey('ed', 'EdDSA');

let provider: IdentityProvider;
beforeAll(async () => {
  provider = await startIdentityProvider([rsa, pss, ec, ed]);
});
afterAll(() => provider.close());

let away = false;
function identities(): Identities {
  const real = identitiesFor(provider);
  return { callerOf: (text) => (away ? Promise.reject(new AppError('identity_provider_unavailable', 'Away.')) : real.callerOf(text)) };
}
const api = testApi({ identities, streams: { perKey: 2, recheckMs: 20 } });
const withoutProvider = testApi();

let clients: EventClient[] = [];
afterEach(() => {
  for (const client of clients) client.leave();
  clients = [];
  provider.answer = undefined;
  away = false;
  jest.restoreAllMocks();
});

const email = { to: ['ada@example.com'], subject: 'Hello', text: 'Hi' };
const job = aJob({ id: newJobId('report', 'acme', 'mine'), type: 'report', status: 'running' });
const token = (changes: Record<string, unknown> = {}, key = rsa) => signed(key, provider.claims(changes));
const read = (bearer: string, path = '/v1/jobs/email_x') => api.agent(bearer).get(path);

describe('a caller with an access token', () => {
  test('starts and reads jobs of the tenant that the token names, within its scopes', async () => {
    const bearer = token();
    expect((await api.agent(bearer).post('/v1/emails').send(email)).status).toBe(202);
    expect(api.started).toMatchObject([{ tenant: 'acme' }]);
    expect((await read(bearer)).status).toBe(404);
    const refused = await api.agent(bearer).post('/v1/jobs/email_x/cancel');
    expect([refused.status, refused.get('WWW-Authenticate')]).toEqual([
      403,
      'Bearer realm="handoff", error="insufficient_scope", scope="operate"',
    ]);
    expect(
      (
        await api
          .agent(token({ tenant: 'other' }))
          .post('/v1/emails')
          .send(email)
      ).status,
    ).toBe(202);
    expect(api.started[1]).toMatchObject({ tenant: 'other' });
  });

  test.each([rsa, pss, ec, ed])('is taken with a signature by $alg', async (key) => {
    expect((await read(token({}, key))).status).toBe(404);
  });

  test('without a scope of ours is known, and may do nothing', async () => {
    for (const scope of ['', 'openid profile', 'Submit', 'submit,read', 7, null, undefined, { submit: true }, [['read']]])
      expect([scope, (await read(token({ scope }))).status]).toEqual([scope, 403]);
  });

  test('is named in the log by an id that is no address, and the same each time', async () => {
    await read(token());
    await read(token({ exp: Math.floor(Date.now() / 1_000) + 200 }, ec));
    await read(token({ sub: 'bob@example.com' }));
    const ids = api.answers.map(({ keyId }) => keyId ?? '');
    expect(ids).toEqual([expect.stringMatching(/^oidc_[0-9a-f]{26}$/), ids[0], expect.stringMatching(/^oidc_[0-9a-f]{26}$/)]);
    expect(ids[2]).not.toBe(ids[0]);
    expect(JSON.stringify(api.answers)).not.toMatch(/example\.com|eyJ/);
  });

  test('costs no look-up of an API key, and one with an API key none at the identity provider', async () => {
    await read(token());
    expect(api.lookups).toEqual([]);
    const { length } = provider.hits;
    expect((await read(keys.acme)).status).toBe(404);
    expect([api.lookups, provider.hits.length]).toEqual([[keys.acme], length]);
  });

  test('is not taken from the address of a request', async () => {
    const sent = { method: 'GET', path: `/v1/jobs/${job.id}/events?access_token=${token()}`, headers: {}, body: undefined };
    expect((await exchange(api.port, sent)).status).toBe(401);
  });
});

test('without an identity provider, a key may look like an access token', async () => {
  withoutProvider.keys.add('a-key.with.dots-0123456789');
  expect((await withoutProvider.agent('a-key.with.dots-0123456789').get('/v1/jobs/email_x')).status).toBe(404);
  expect((await withoutProvider.agent(token()).get('/v1/jobs/email_x')).status).toBe(401);
});

const now = () => Math.floor(Date.now() / 1_000);

describe('while the identity provider is away', () => {
  test('a token of a known key is taken, one of an unknown key is answered with when to come again', async () => {
    expect((await read(token())).status).toBe(404);
    provider.answer = (_request, response) => response.writeHead(500).end('upstream words');
    expect((await read(token({ jti: 'another' }, ec))).status).toBe(404);
    jest.spyOn(Date, 'now').mockReturnValue(Date.now() + 31_000);
    const response = await read(token({}, { ...signingKey('newer'), kid: 'newer' }));
    expect([response.status, response.body]).toEqual([
      503,
      expect.objectContaining({ code: 'identity_provider_unavailable', retryable: true }),
    ]);
    expect(Number(response.get('Retry-After'))).toBeGreaterThan(0);
    expect(JSON.stringify([response.body, response.headers])).not.toMatch(/upstream|127\.0\.0\.1/);
    expect((await read(keys.acme)).status).toBe(404);
  });
});

describe('an event stream', () => {
  test('ends when the access token does', async () => {
    api.jobs.get = () => Promise.resolve(job);
    const client = await follow({ url: `http://127.0.0.1:${String(api.port)}/v1/jobs/${job.id}/events`, key: token() });
    clients.push(client);
    await client.next('status');
    // Nobody has to be asked for that.
    away = true;
    const later = Date.now() + 331_000;
    jest.spyOn(Date, 'now').mockImplementation(() => later);
    await new Promise((resolve) => client.response.once('close', resolve));
    expect(client.events.map(({ event }) => event)).toEqual(['status']);
  });
});

describe('a token of one job that an access token asked for', () => {
  const ask = async (bearer: string, ttlSeconds = 3_600) => {
    api.jobs.get = (tenant, id) => Promise.resolve(tenant === 'acme' && id === job.id ? job : undefined);
    const response = await api.agent(bearer).post(`/v1/jobs/${job.id}/tokens`).send({ ttlSeconds });
    expect(response.status).toBe(201);
    return response.body as { token: string; expiresAt: string };
  };
  const path = `/v1/jobs/${job.id}`;

  test('reads that job and nothing else', async () => {
    const { token: lent } = await ask(token());
    expect((await read(lent, path)).status).toBe(200);
    expect((await read(lent, `/v1/jobs/${newJobId('report', 'acme')}`)).status).toBe(404);
    expect((await read(lent, '/v1/jobs')).status).toBe(403);
    expect((await api.agent(lent).post(`${path}/tokens`)).status).toBe(403);
    expect(lent).not.toContain('example.com');
  });

  test('ends with the access token at the latest', async () => {
    const exp = now() + 120;
    const { token: lent, expiresAt } = await ask(token({ exp }));
    // Counted as the access token itself is counted here: with what clocks may differ by.
    expect(Date.parse(expiresAt)).toBe((exp + 30) * 1_000);
    expect(Date.parse((await ask(token({ exp }), 60)).expiresAt)).toBeLessThan(exp * 1_000);
    jest.spyOn(Date, 'now').mockReturnValue((exp + 30) * 1_000);
    expect((await read(lent, path)).status).toBe(401);
  });

  test('can not be changed to another tenant, subject, job or time', async () => {
    const { token: lent } = await ask(token());
    const [maker = '', tenant = '', jobId = '', expires = '', signature = ''] = lent.split('.');
    const { token: ofKey } = await ask(keys.acme);
    const [keyMaker = '', , keyExpires = '', keySignature = ''] = ofKey.split('.');
    for (const changed of [
      [maker, 'other', jobId, expires, signature],
      [maker, ':installation', jobId, expires, signature],
      [maker, jobId, expires, signature],
      [`hjt_oidc_${randomBytes(13).toString('hex')}`, tenant, jobId, expires, signature],
      [maker, tenant, newJobId('report', 'acme'), expires, signature],
      [maker, tenant, jobId, String(Number(expires) + 1), signature],
      [keyMaker, tenant, jobId, expires, signature],
      [keyMaker, jobId, expires, signature],
      [maker, tenant, jobId, keyExpires, keySignature],
    ])
      expect([changed, (await read(changed.join('.'), path)).status]).toEqual([changed, 401]);
    expect((await read(lent, path)).status).toBe(200);
  });

  test('ends when the identity provider is no longer configured', async () => {
    const { token: lent } = await ask(token());
    withoutProvider.jobs = api.jobs;
    expect((await withoutProvider.agent(keys.acme).get(path)).status).toBe(200);
    expect((await withoutProvider.agent(lent).get(path)).status).toBe(401);
  });
});
