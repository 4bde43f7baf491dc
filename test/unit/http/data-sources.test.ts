import { describe, expect, test } from '@jest/globals';

import { AppError } from '../../../src/errors.ts';
import { withConfigured } from '../../../src/jobs/data-source-catalog.ts';
import { anEntry } from '../../support/audit.ts';
import { keys, testApi } from '../../support/api.ts';
import { testDataSources } from '../../support/data-sources.ts';

const api = testApi();
const path = '/v1/data-sources/crm';
const crm = { kind: 'postgresql', host: 'db.example.com', database: 'crm', user: 'reports' };
const rates = { kind: 'http', url: 'https://api.example.com/v2' };
const put = (body: object, at = path) => api.agent().put(at).send(body);
const secretsOf = (name = 'crm') => api.sources.kept.get(`acme/${name}`)?.secrets;

describe('a data source', () => {
  test('is made, changed, listed and removed; its secrets go in and never come out', async () => {
    const made = await put({ ...crm, password: 'hunter2' })
      .expect(201)
      .expect('ETag', '"1"')
      .expect('Location', path);
    expect(made.body).toEqual({
      ...{ name: 'crm', description: null, secretNames: ['password'], version: 1, configured: false, changedAt: expect.any(String) },
      settings: { ...crm, port: 5432, tls: 'verify-full' },
      links: { self: path, check: `${path}/check` },
    });
    await put({ ...rates, headers: { Authorization: 'Bearer hunter3' } }, '/v1/data-sources/rates').expect(201);
    const listed = await api.agent().get('/v1/data-sources').expect(200);
    expect(listed.body).toMatchObject({ items: [{ name: 'crm' }, { name: 'rates', secretNames: ['Authorization'] }] });
    const one = await api.agent().get(path).expect(200);
    const checked = await api.agent().post(`${path}/check`).expect(200);
    expect(checked.body).toMatchObject({ name: 'crm', kind: 'postgresql', serverVersion: '15.4' });
    expect(JSON.stringify([made.body, listed.body, one.body, checked.body, api.audit.entries])).not.toContain('hunter');
    await api.agent().delete(path).expect(204);
    await api.agent().get(path).expect(404);
  });

  test('keeps its password for the same place only', async () => {
    await put({ ...crm, password: 'hunter2' }).expect(201);
    await put({ ...crm, database: 'other', description: 'Sales' }).expect(200);
    expect(secretsOf()).toEqual({ password: 'hunter2' });
    for (const change of [{ host: 'evil.example.com' }, { port: 1 }, { user: 'admin' }, { tls: 'disable' }])
      expect((await put({ ...crm, ...change }).expect(400)).body).toMatchObject({
        code: 'invalid_request',
        errors: [{ pointer: '/password' }],
      });
    await put({ ...crm, host: 'new.example.com', password: 'hunter4' }).expect(200);
    await put({ ...crm, password: null }).expect(200);
    expect(secretsOf()).toEqual({});
    await put({ ...rates, headers: { 'X-Key': 'hunter3' } }, '/v1/data-sources/rates').expect(201);
    const elsewhere = put({ ...rates, url: 'https://evil.example.com/v2' }, '/v1/data-sources/rates');
    expect((await elsewhere.expect(400)).body).toMatchObject({ errors: [{ pointer: '/headers' }] });
    await put({ ...rates, url: 'https://api.example.com/v3' }, '/v1/data-sources/rates').expect(200);
    expect(secretsOf('rates')).toEqual({ headers: { 'X-Key': 'hunter3' } });
  });

  test.each<[string, object, string]>([
    ['a socket of this machine', { ...crm, host: '/var/run/postgresql' }, '/host'],
    ['a host with a port', { ...crm, host: 'db:5432/x' }, '/host'],
    ['a file', { kind: 'sqlite', path: '/etc/passwd' }, '/kind'],
    ['another scheme', { ...rates, url: 'file:///etc/passwd' }, '/url'],
    ['a password in the address', { ...rates, url: 'https://ada:x@api.example.com' }, '/url'],
    ['a header of two lines', { ...rates, headers: { 'X-Key': 'a\r\nHost: x' } }, '/headers/X-Key'],
    ['an unknown field', { ...crm, sslmode: 'disable' }, '/sslmode'],
  ])('refuses %s', async (_name, body, pointer) => {
    expect((await put(body).expect(400)).body).toMatchObject({ code: 'invalid_request', errors: [{ pointer }] });
  });

  test('is not overwritten unseen, and is nobody else’s', async () => {
    await put(crm).set('If-None-Match', '*').expect(201);
    await put(crm).set('If-None-Match', '*').expect(412);
    await put(crm).set('If-Match', '"1"').expect(200);
    await put(crm).set('If-Match', '"1"').expect(412);
    const other = api.agent(keys.other);
    await other.get(path).expect(404);
    await other.delete(path).expect(404);
    await other.post(`${path}/check`).expect(404);
    expect((await other.get('/v1/data-sources').expect(200)).body).toEqual({ items: [] });
  });

  test('that can not be reached is a problem with a reason', async () => {
    await put(crm).expect(201);
    api.sources.check = () => Promise.reject(new AppError('data_source_unreachable', 'It can not be reached.', { retryable: true }));
    expect((await api.agent().post(`${path}/check`).expect(503)).body).toMatchObject({ code: 'data_source_unreachable', retryable: true });
  });
});

describe('a data source of the configuration', () => {
  test('stands before a stored one, is the business of its tenants only, and can not be changed', async () => {
    const stored = testDataSources(api.audit).all;
    const entry = anEntry({ action: 'data_source.put' });
    const settings = { kind: 'http', url: 'http://10.0.0.7' } as const;
    const secrets = { headers: { 'X-Key': 'hunter5' } };
    const common = { description: null, version: null, changedAt: null, secretNames: ['X-Key'], secrets };
    const all = withConfigured(stored, [{ ...common, name: 'crm', settings, tenants: ['acme'] }]);
    const change = { name: 'crm', settings: { kind: 'http', url: 'https://x.example' }, description: null, secrets: {} } as const;
    await expect(all.put({ tenant: 'acme', ...change }, entry)).rejects.toMatchObject({ code: 'data_source_configured' });
    await expect(all.remove('acme', 'crm', entry)).rejects.toMatchObject({ code: 'data_source_configured' });
    await all.put({ tenant: 'other', ...change }, entry);
    expect((await all.open('acme', 'crm'))?.settings).toEqual(settings);
    expect(JSON.stringify([await all.list('acme'), await all.find('acme', 'crm')])).not.toContain('hunter');
    expect((await all.find('other', 'crm'))?.settings).toEqual(change.settings);
  });
});

describe('a report', () => {
  const ask = (source: object, query?: object) =>
    api
      .agent()
      .post('/v1/reports')
      .send({ title: 'T', source, ...(query && { query }), outputs: [{ format: 'csv' }] });
  const inputOf = () => (api.started.at(-1) as { input?: unknown } | undefined)?.input;

  test('names its data source, and holds nothing else of it', async () => {
    await put({ ...crm, password: 'hunter2' });
    await ask({ dataSource: 'crm', sql: 'select $since as a', parameters: { since: null } }).expect(202);
    expect(inputOf()).toMatchObject({
      source: { tables: [{ name: 'source', dataSource: 'crm', sql: 'select $since as a', parameters: { since: null } }] },
    });
    expect(JSON.stringify(inputOf())).not.toMatch(/hunter|db\.example/);
  });

  test.each<[string, object, string, string]>([
    ['a parameter without a value', { dataSource: 'crm', sql: 'select $x' }, '/source/sql', 'query_invalid'],
    ['a value without a parameter', { dataSource: 'crm', sql: 'select 1', parameters: { x: 1 } }, '/source/parameters/x', 'query_invalid'],
    ['no such data source', { dataSource: 'nope', sql: 'select 1' }, '/source/dataSource', 'data_source_not_found'],
    ['SQL for HTTP', { dataSource: 'rates', sql: 'select 1' }, '/source/sql', 'invalid_request'],
    ['a path for a database', { dataSource: 'crm', path: '/x' }, '/source/path', 'invalid_request'],
    ['a wrong field', { dataSource: 'crm', sqll: 'select 1' }, '/source/sql', 'invalid_request'],
    ['another server in the path', { dataSource: 'rates', path: '//evil.example.com/' }, '/source/path', 'invalid_request'],
    [
      'a wrong table of several',
      {
        tables: [
          { name: 'a', rows: [{ x: 1 }] },
          { name: 'b', dataSource: 'crm', sql: 5 },
        ],
      },
      '/source/tables/1/sql',
      'invalid_request',
    ],
    [
      'one name twice',
      {
        tables: [
          { name: 'a', rows: [{ x: 1 }] },
          { name: 'A', rows: [{ x: 1 }] },
        ],
      },
      '/source/tables',
      'invalid_request',
    ],
    [
      'tables that nothing joins',
      {
        tables: [
          { name: 'a', rows: [{ x: 1 }] },
          { name: 'b', rows: [{ x: 1 }] },
        ],
      },
      '/query',
      'invalid_request',
    ],
    ['an address', { url: 'http://169.254.169.254/' }, '/source/url', 'invalid_request'],
  ])('with %s is refused before it starts', async (_name, source, pointer, code) => {
    await put(crm);
    await put(rates, '/v1/data-sources/rates');
    const body: unknown = (await ask(source).expect(code === 'query_invalid' ? 422 : 400)).body;
    expect(body).toMatchObject({ code });
    expect((body as { errors: { pointer: string }[] }).errors.map((error) => error.pointer)).toContain(pointer);
    expect(api.started).toEqual([]);
  });
});
