import { describe, expect, test } from '@jest/globals';

import { keys, testApi } from '../../support/api.ts';

const api = testApi();

type Body = Record<string, unknown>;

const create = (body: object, key?: string) => api.agent(key).post('/v1/api-keys').send(body);
const listed = async (key?: string) => ((await api.agent(key).get('/v1/api-keys')).body as { items: Body[] }).items;
const problem = (status: number, code: string) => ({ status, body: expect.objectContaining({ code }) as unknown });

describe('POST /v1/api-keys', () => {
  test('makes a key that works, and shows it this once', async () => {
    const response = await create({ name: 'web shop', scopes: ['read', 'submit', 'read'], expiresInSeconds: 60 });
    const { key, ...rest } = response.body as Body;
    expect([response.status, response.get('Cache-Control')]).toEqual([201, 'no-store']);
    expect(rest).toMatchObject({ name: 'web shop', scopes: ['submit', 'read'], revokedAt: null, lastUsedAt: null });
    const lifetime = Date.parse(String(rest['expiresAt'])) - Date.parse(String(rest['createdAt']));
    expect(Math.abs(lifetime - 60_000)).toBeLessThan(1_000);
    expect((await api.agent(String(key)).get('/v1/jobs')).status).toBe(200);
    expect((await api.agent(String(key)).get('/v1/api-keys')).status).toBe(403);
    expect((await listed()).at(-1)).toEqual(rest);
    expect(JSON.stringify(await listed())).not.toContain(String(key));
  });

  test('makes one without a name that never expires, unless told otherwise', async () => {
    expect((await create({ scopes: ['admin'] })).body).toMatchObject({ name: null, expiresAt: null, scopes: ['admin'] });
  });

  test.each([
    [{}, '/scopes'],
    [{ scopes: [] }, '/scopes'],
    [{ scopes: ['root'] }, '/scopes/0'],
    [{ scopes: 'read' }, '/scopes'],
    [{ scopes: ['read'], name: '' }, '/name'],
    [{ scopes: ['read'], name: 'a\nb' }, '/name'],
    [{ scopes: ['read'], name: 'x'.repeat(101) }, '/name'],
    [{ scopes: ['read'], expiresInSeconds: 0 }, '/expiresInSeconds'],
    [{ scopes: ['read'], expiresInSeconds: 315_360_001 }, '/expiresInSeconds'],
    [{ scopes: ['read'], expiresInSeconds: 1.5 }, '/expiresInSeconds'],
    [{ scopes: ['read'], tenant: 'other' }, '/tenant'],
    [{ scopes: ['read'], key: 'hk_chosen_by_me' }, '/key'],
  ])('refuses %j', async (body, pointer) => {
    const before = await listed();
    const response = await create(body);
    expect(response).toMatchObject(problem(400, 'invalid_request'));
    expect((response.body as { errors: { pointer: string }[] }).errors.map((error) => error.pointer)).toEqual([pointer]);
    expect(await listed()).toEqual(before);
  });
});

describe("another tenant's API keys", () => {
  test('are not listed, and to revoke or rotate one is as if it did not exist', async () => {
    const [foreign] = await listed(keys.other);
    expect((await listed()).map(({ id }) => id)).not.toContain(foreign?.['id']);
    const told = ({ status, body }: { status: number; body: Body }) => [status, { ...body, instance: '', requestId: '' }];
    for (const [method, below] of [
      ['delete', ''],
      ['post', '/rotate'],
    ] as const) {
      const answer = await api.agent()[method](`/v1/api-keys/${String(foreign?.['id'])}${below}`);
      const unknown = await api.agent()[method](`/v1/api-keys/key_unknown${below}`);
      expect(answer).toMatchObject(problem(404, 'not_found'));
      expect(told(answer)).toEqual(told(unknown));
    }
    expect((await api.agent(keys.other).get('/v1/jobs')).status).toBe(200);
  });
});

test('DELETE of an API key revokes it, and is harmless when repeated', async () => {
  const { id, key } = (await create({ scopes: ['read'] })).body as Body;
  for (let i = 0; i < 2; i++) expect(await api.agent().delete(`/v1/api-keys/${String(id)}`)).toMatchObject({ status: 204, text: '' });
  expect((await api.agent(String(key)).get('/v1/jobs')).status).toBe(401);
  expect((await listed()).at(-1)).toMatchObject({ id, revokedAt: expect.any(String) });
});

describe('POST /v1/api-keys/{id}/rotate', () => {
  const rotate = (id: unknown, body?: object) =>
    api
      .agent()
      .post(`/v1/api-keys/${String(id)}/rotate`)
      .send(body);

  test('gives the same rights to a new key; the old one works for an hour, or as long as asked for', async () => {
    for (const [body, seconds] of [
      [undefined, 3_600],
      [{}, 3_600],
      [{ overlapSeconds: 604_800 }, 604_800],
    ] as const) {
      const old = (await create({ scopes: ['read'], name: 'n' })).body as Body;
      const response = await rotate(old['id'], body);
      expect([response.status, response.get('Cache-Control')]).toEqual([201, 'no-store']);
      expect(response.body).toMatchObject({ name: 'n', scopes: ['read'] });
      const fresh = response.body as Body;
      for (const { key } of [old, fresh]) expect((await api.agent(String(key)).get('/v1/jobs')).status).toBe(200);
      const end = (await listed()).find(({ id }) => id === old['id'])?.['expiresAt'];
      expect(Math.abs(Date.parse(String(end)) - Date.now() - seconds * 1_000)).toBeLessThan(60_000);
    }
  });

  test('without overlap ends the old key', async () => {
    const old = (await create({ scopes: ['read'] })).body as Body;
    expect((await rotate(old['id'], { overlapSeconds: 0 })).status).toBe(201);
    expect((await api.agent(String(old['key'])).get('/v1/jobs')).status).toBe(401);
  });

  test.each([{ overlapSeconds: -1 }, { overlapSeconds: 604_801 }, { overlapSeconds: '1' }, { scopes: ['admin'] }])(
    'refuses %j',
    async (body) => {
      const { id } = (await create({ scopes: ['read'] })).body as Body;
      expect(await rotate(id, body)).toMatchObject(problem(400, 'invalid_request'));
    },
  );
});
