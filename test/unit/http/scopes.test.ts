import { describe, expect, test } from '@jest/globals';

import { openApiDocument } from '../../../src/http/openapi.ts';
import { keyScopes } from '../../../src/jobs/api-keys.ts';
import { allJobTypes } from '../../../src/jobs/registry.ts';
import { aJob, testApi } from '../../support/api.ts';
import { exchange } from '../../support/exchange.ts';
import { type OpenApi, operationsOf } from '../../support/openapi.ts';

const api = testApi();
const email = { to: ['ada@example.com'], subject: 'Hello', text: 'Hi' };

/** Everything that is described below `/v1`; another test says that this is everything there is. */
const operations = operationsOf(openApiDocument() as OpenApi)
  .filter(({ path }) => path.startsWith('/v1/'))
  // Without a key: unsubscribing, and what services sign.
  .filter(({ security }) => security.length > 0)
  .map(({ method, path, security }) => ({ method, path, needs: security[0]?.['apiKey']?.[0] }));

const submissions = allJobTypes.map(({ path }) => `/v1${path}`);

/** What a caller has to be allowed to, by the kind of request. */
function neededFor(method: string, path: string): string {
  if (
    path.startsWith('/v1/api-keys') ||
    path === '/v1/audit-log' ||
    path === '/v1/mail-providers' ||
    // They lead to other systems, with secrets.
    (path === '/v1/data-sources/{name}' && method !== 'get') ||
    (path === '/v1/limits' && method === 'put')
  )
    return 'admin';
  // The file goes another way; the job is the same.
  if (path.startsWith('/v1/uploads/presigned')) return 'submit';
  // A preview runs what a report would.
  if (submissions.includes(path) || /^\/v1\/uploads\/(raw|tus)/.test(path) || /^\/v1\/report.*\/preview$/.test(path)) return 'submit';
  // What may be read may be lent out for reading.
  if (path === '/v1/jobs/{id}/tokens' || path === '/v1/suppressions/lookup') return 'read';
  // They change nothing: only what is asked for is too long for an address.
  if (/^\/v1\/email-templates\/\{name\}\/(preview|message)$/.test(path)) return 'read';
  return method === 'get' ? 'read' : 'operate';
}

async function ask({ method, path }: { method: string; path: string }, key?: string) {
  const headers = key === undefined ? {} : { Authorization: `Bearer ${key}` };
  const sent = { method: method.toUpperCase(), path: path.replaceAll(/\{\w+\}/g, 'x'), headers, body: undefined };
  const { status, text, headers: answered } = await exchange(api.port, sent);
  return { status, code: (JSON.parse(text || '{}') as { code?: string }).code, challenge: answered.get('WWW-Authenticate') };
}

describe.each(operations)('$method $path', (operation) => {
  const { needs } = operation;

  test('needs the scope of its kind', () => {
    expect(needs).toBe(neededFor(operation.method, operation.path));
  });

  test('is refused without a key, with an unknown, an expired and a revoked one', async () => {
    expect(await ask(operation)).toEqual({ status: 401, code: 'unauthorized', challenge: 'Bearer realm="handoff"' });
    const { key: expired } = await api.keys.create({ tenant: 'acme', scopes: keyScopes, lifetimeSeconds: 0 });
    const { key: revoked, id } = await api.keys.create({ tenant: 'acme', scopes: keyScopes });
    await api.keys.revoke('acme', id);
    const refused = { status: 401, code: 'unauthorized', challenge: 'Bearer realm="handoff", error="invalid_token"' };
    for (const key of ['hk_unknown', expired, revoked]) expect([key, await ask(operation, key)]).toEqual([key, refused]);
  });

  test('is let through with its scope and with admin, and with no other', async () => {
    const refused = {
      status: 403,
      code: 'insufficient_scope',
      challenge: `Bearer realm="handoff", error="insufficient_scope", scope="${String(needs)}"`,
    };
    const passed: string[] = [];
    for (const scope of keyScopes) {
      const { key } = await api.keys.create({ tenant: 'acme', scopes: [scope] });
      const { status } = await ask(operation, key);
      if (status !== 401 && status !== 403) passed.push(scope);
    }
    expect(passed).toEqual(keyScopes.filter((scope) => scope === needs || scope === 'admin'));
    const others = keyScopes.filter((scope) => scope !== needs && scope !== 'admin');
    const { key } = await api.keys.create({ tenant: 'acme', scopes: others });
    expect(await ask(operation, key)).toEqual(refused);
    expect(api.unexpected).toEqual([]);
  });
});

test('only unsubscribing and signed notifications need no key at all', () => {
  const open = operationsOf(openApiDocument() as OpenApi).filter(({ path, security }) => path.startsWith('/v1/') && security.length === 0);
  expect(open.map(({ method, path }) => `${method} ${path}`)).toEqual([
    'post /v1/mail-events/{provider}',
    'get /v1/unsubscribe/{token}',
    'post /v1/unsubscribe/{token}',
  ]);
});

describe('a key that may only submit', () => {
  test('gets the answer to what it submits, also when it waits for the end', async () => {
    api.keys.add('hk_submit', { scopes: ['submit'] });
    const accepted = await api.agent('hk_submit').post('/v1/emails').send(email);
    expect([accepted.status, accepted.body]).toEqual([202, expect.objectContaining({ type: 'email', status: 'queued' })]);
    api.jobs = { get: (_tenant, id) => Promise.resolve(aJob({ id, status: 'completed', result: { messages: [] } })) };
    const finished = await api.agent('hk_submit').post('/v1/emails').set('Prefer', 'wait=5').send(email);
    expect([finished.status, finished.body]).toEqual([200, expect.objectContaining({ status: 'completed' })]);
    expect((await api.agent('hk_submit').get(finished.get('Location') ?? '')).status).toBe(403);
  });
});

test('a refused submission is refused before its body is read', async () => {
  api.keys.add('hk_read', { scopes: ['read'] });
  const uploaded = await api.agent('hk_read').post('/v1/uploads').attach('file', Buffer.from('x'), 'x.txt');
  expect([uploaded.status, await api.store.count()]).toEqual([403, 0]);
});

test('the log names the key by its id, and never the key', async () => {
  const id = api.keys.add('hk_secret_enough', { scopes: ['read'] });
  await api.agent('hk_secret_enough').get('/v1/jobs/email_x');
  await api.agent('hk_secret_enough').post('/v1/emails').send(email);
  await api.anonymous().get('/v1/jobs/email_x');
  expect(api.answers).toMatchObject([{ status: 404, keyId: id }, { status: 403, keyId: id }, { status: 401 }]);
  expect(api.answers[2]).not.toHaveProperty('keyId');
  expect(JSON.stringify(api.answers)).not.toContain('hk_secret');
});
