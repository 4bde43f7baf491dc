import { describe, expect, test } from '@jest/globals';

import { keys, testApi } from '../../support/api.ts';

const api = testApi();

interface Shown {
  id: string;
  address: string;
}

const add = async (body: object, key?: string) => (await api.agent(key).post('/v1/suppressions').send(body)).body as Shown;

describe('POST /v1/suppressions', () => {
  test('adds an address once, in one spelling, and answers the first one when it is repeated', async () => {
    const first = await api.agent().post('/v1/suppressions').send({ address: 'Ada@Example.COM', note: 'asked by phone' });
    expect([first.status, first.body]).toEqual([
      201,
      {
        ...{ id: expect.stringMatching(/^supp_[a-z2-7]{26}$/), address: 'ada@example.com', category: 'all', reason: 'manual' },
        ...{ note: 'asked by phone', createdAt: expect.any(String) },
      },
    ]);
    const again = await api.agent().post('/v1/suppressions').send({ address: 'ada@example.com', note: 'another' });
    expect([again.status, again.body]).toEqual([200, first.body]);
  });

  test('holds back bulk mail only after an unsubscription, unless told otherwise', async () => {
    expect(await add({ address: 'ada@example.com', reason: 'unsubscribe' })).toMatchObject({ category: 'bulk' });
    expect(await add({ address: 'ada@example.com', reason: 'unsubscribe', category: 'all' })).toMatchObject({ category: 'all' });
    expect(await add({ address: 'ada@example.com', reason: 'complaint' })).toMatchObject({ category: 'all' });
  });

  test.each([
    [{}, '/address'],
    [{ address: 'ada' }, '/address'],
    [{ address: 'ada@example.com, bob@example.com' }, '/address'],
    [{ address: 'ada@example.com\r\nBcc: bob@example.com' }, '/address'],
    [{ address: 'ada@example.com', reason: 'spite' }, '/reason'],
    [{ address: 'ada@example.com', category: 'none' }, '/category'],
    [{ address: 'ada@example.com', note: 'two\nlines' }, '/note'],
    [{ address: 'ada@example.com', tenant: 'other' }, '/tenant'],
  ])('refuses %j', async (body, pointer) => {
    const answer = await api.agent().post('/v1/suppressions').send(body);
    expect([answer.status, answer.body]).toEqual([400, expect.objectContaining({ errors: [expect.objectContaining({ pointer })] })]);
    expect(api.suppressions.all).toEqual([]);
  });
});

describe('GET /v1/suppressions', () => {
  test('lists the newest first, in pages, and only those of the tenant', async () => {
    for (const name of ['a', 'b', 'c']) await add({ address: `${name}@example.com` });
    await add({ address: 'd@example.com' }, keys.other);
    const page = await api.agent().get('/v1/suppressions?limit=2');
    const { items, nextCursor } = page.body as { items: Shown[]; nextCursor: string };
    expect(items.map(({ address }) => address)).toEqual(['c@example.com', 'b@example.com']);
    expect(page.get('Link')).toContain('rel="next"');
    const last = await api.agent().get(`/v1/suppressions?limit=2&cursor=${nextCursor}`);
    expect(last.body).toMatchObject({ items: [{ address: 'a@example.com' }], nextCursor: null });
    const stolen = await api.agent(keys.other).get(`/v1/suppressions?limit=2&cursor=${nextCursor}`);
    expect(stolen.body).toMatchObject({ status: 400, code: 'invalid_cursor' });
  });

  test('finds by address in any spelling, by reason and by category', async () => {
    await add({ address: 'ada@example.com' });
    await add({ address: 'ada@example.com', reason: 'unsubscribe' });
    await add({ address: 'bob@example.com', reason: 'bounce' });
    const reasons = async (query: string) => {
      const answer = await api.agent().get(`/v1/suppressions?${query}`).expect(200);
      return (answer.body as { items: { reason: string }[] }).items.map(({ reason }) => reason);
    };
    expect(await reasons('address=ADA@example.com')).toEqual(['unsubscribe', 'manual']);
    expect(await reasons('reason=bounce')).toEqual(['bounce']);
    expect(await reasons('category=bulk')).toEqual(['unsubscribe']);
    await api.agent().get('/v1/suppressions?reason=spite').expect(400);
    await api.agent().get('/v1/suppressions?tenant=other').expect(400);
  });

  test('and the lookup, which has the address in its body, agree; the log has no address of either', async () => {
    await add({ address: 'ada@example.com' });
    const listed = await api.agent().get('/v1/suppressions?address=ada@example.com');
    const looked = await api.agent().post('/v1/suppressions/lookup').send({ address: 'Ada@example.com' });
    expect(looked.body).toEqual({ items: (listed.body as { items: Shown[] }).items });
    const unknown = await api.agent().post('/v1/suppressions/lookup').send({ address: 'bob@example.com' });
    expect([unknown.status, unknown.body]).toEqual([200, { items: [] }]);
    expect(JSON.stringify(api.answers)).not.toContain('example.com');
  });
});

describe('DELETE /v1/suppressions/{id}', () => {
  test('takes off this one only; what is gone, unknown or of another tenant is 404', async () => {
    const { id } = await add({ address: 'ada@example.com', reason: 'bounce' });
    await add({ address: 'ada@example.com', reason: 'complaint' });
    await api.agent(keys.other).delete(`/v1/suppressions/${id}`).expect(404);
    await api.agent().delete(`/v1/suppressions/${id}`).expect(204);
    await api.agent().delete(`/v1/suppressions/${id}`).expect(404);
    expect(api.suppressions.all).toMatchObject([{ reason: 'complaint' }]);
  });
});

test('no audit entry holds an address', async () => {
  const { id } = await add({ address: 'ada@example.com' });
  await api.agent().delete(`/v1/suppressions/${id}`).expect(204);
  await api.agent().post('/v1/suppressions/import').type('text/csv').send('email\nada@example.com\n').expect(200);
  expect(api.audit.entries.map(({ action }) => action)).toEqual(['suppression.add', 'suppression.remove', 'suppression.import']);
  expect(JSON.stringify(api.audit.entries)).not.toMatch(/ada@|ada%40|example/);
});
