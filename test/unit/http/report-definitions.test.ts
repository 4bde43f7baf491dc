import { describe, expect, test } from '@jest/globals';

import { AppError } from '../../../src/errors.ts';
import type { PreviewOrder } from '../../../src/jobs/report-preview.ts';
import { aJob, keys, testApi } from '../../support/api.ts';

const api = testApi();
const path = '/v1/report-definitions/sales';
const parametersSchema = {
  properties: { since: { type: 'string', format: 'date' }, least: { type: 'number', minimum: 0, default: 5 } },
  required: ['since'],
};
const sql = 'select * from rows where day >= $since and amount >= $least';
const sales = { title: 'Sales', query: { sql, parametersSchema }, outputs: [{ format: 'csv' }] };
const source = { rows: [{ day: '2026-01-01', amount: 7 }] };
const put = (body: object = sales, key?: string) => api.agent(key).put(path).send(body);
const submit = (body: object, key?: string) => api.agent(key).post('/v1/reports').send(body);
const call = (changes: object = {}, key?: string) =>
  submit({ definition: 'sales', parameters: { since: '2026-01-01' }, source, ...changes }, key);
const input = () =>
  api.started.at(-1)?.input as { title: string; outputs: object[]; source: { query?: object; tables: object[] }; definition?: object };

describe('PUT /v1/report-definitions/{name}', () => {
  test('makes versions that come back as they were put', async () => {
    const first = await put().expect(201).expect('Location', `${path}/versions/1`).expect('ETag', '"1"');
    expect(first.body).toEqual(
      expect.objectContaining({
        ...{ name: 'sales', version: 1, description: null, source: null, columns: null, ...sales },
        links: { self: path, version: `${path}/versions/1`, versions: `${path}/versions`, preview: `${path}/preview` },
      }),
    );
    expect((await put().expect(200)).body).toEqual(first.body);
    await put({ ...sales, source, description: 'With rows' })
      .set('If-Match', '"1"')
      .expect(201)
      .expect('ETag', '"2"');
    expect((await put().set('If-Match', '"1"').expect(412)).body).toMatchObject({ code: 'precondition_failed' });
    expect((await api.agent().get(`${path}/versions/1`).expect(200)).body).toEqual(first.body);
    expect((await api.agent().get('/v1/report-definitions').expect(200)).body).toMatchObject({
      items: [{ name: 'sales', version: 2, description: 'With rows' }],
    });
    await api.agent(keys.other).get(path).expect(404);
  });

  test.each<[string, object, string]>([
    ['no title', { title: undefined }, '/title'],
    ['no outputs', { outputs: [] }, '/outputs'],
    ['values of parameters', { query: { sql, parametersSchema, parameters: {} } }, '/query/parameters'],
    ['a source of no kind', { source: { url: 'x' } }, '/source'],
    ['a field that no report has', { layout: 'x' }, '/layout'],
    ['more than 256 KiB', { source: { rows: Array.from({ length: 9 }, () => ({ a: 'x'.repeat(30_000) })) } }, ''],
  ])('refuses %s', async (_name, changes, pointer) => {
    const body = (await put({ ...sales, ...changes }).expect(400)).body as { code: string; errors: { pointer: string }[] };
    const [error] = body.errors;
    expect([body.code, error?.pointer.startsWith(pointer)]).toEqual(['invalid_request', true]);
  });

  test('refuses a parameter that is not declared, and one that the query does not have', async () => {
    expect((await put({ ...sales, query: { sql: 'select $since, $most', parametersSchema } }).expect(422)).body).toMatchObject({
      code: 'query_invalid',
      errors: [
        { pointer: '/query/sql', detail: 'there is no declaration of the parameter $most' },
        { pointer: '/query/parametersSchema/properties/least', detail: 'the query has no parameter $least' },
      ],
    });
    await put({ ...sales, query: { sql: 'select $since' } }).expect(422);
    await api.agent().get(path).expect(404);
  });
});

describe('POST /v1/reports with a definition', () => {
  test('makes what the definition says, with what the call changes', async () => {
    await put();
    await call().expect(202);
    expect(input()).toMatchObject({ title: 'Sales', outputs: sales.outputs, definition: { name: 'sales', version: 1 } });
    expect(input().source.query).toEqual({
      sql,
      parameters: [
        { name: 'since', type: 'date', value: '2026-01-01' },
        { name: 'least', type: 'number', value: 5 },
      ],
    });
    await put({ ...sales, title: 'Newer', source }).expect(201);
    await call({ source: undefined, outputs: [{ format: 'json' }], columns: [{ name: 'day' }] }).expect(202);
    expect(input()).toMatchObject({
      title: 'Newer',
      outputs: [{ format: 'json' }],
      columns: [{ name: 'day' }],
      definition: { version: 2 },
    });
    await call({ version: 1, title: 'Mine' }).expect(202);
    expect(input()).toMatchObject({ title: 'Mine', definition: { version: 1 } });
    await submit({ title: 'Plain', source, outputs: sales.outputs }).expect(202);
    expect(input()).not.toHaveProperty('definition');
  });

  test.each<[string, object, string, string]>([
    ['a definition that is not there', { definition: 'none' }, '/definition', 'definition_not_found'],
    ['a version that is not there', { version: 9 }, '/version', 'definition_not_found'],
    ['a value that does not fit', { parameters: { since: 'yesterday' } }, '/parameters/since', 'invalid_request'],
    ['a value that is missing', { parameters: {} }, '/parameters/since', 'invalid_request'],
    ['a value of nothing', { parameters: { since: '2026-01-01', most: 1 } }, '/parameters/most', 'invalid_request'],
    ['no source at all', { source: undefined }, '/source', 'invalid_request'],
    ['a file that is not there', { source: { fileId: 'file_x' } }, '/source/fileId', 'file_not_found'],
    ['a query of its own', { query: { sql: 'select 1' } }, '/query', 'invalid_request'],
  ])('refuses %s', async (_name, changes, pointer, code) => {
    await put();
    expect((await call(changes).expect(400)).body).toMatchObject({ code, errors: [{ pointer }] });
    expect(api.started).toEqual([]);
  });

  test('tells what is wrong with what the definition says at its name', async () => {
    await put({ ...sales, source: { fileId: 'file_gone' } });
    expect((await call({ source: undefined }).expect(400)).body).toMatchObject({
      code: 'file_not_found',
      errors: [{ pointer: '/definition', detail: 'source/fileId: no such file' }],
    });
  });

  test('knows nothing of definitions of another tenant', async () => {
    await put(sales, keys.other);
    expect((await call().expect(400)).body).toMatchObject({ code: 'definition_not_found' });
  });

  test('answers a repeated request with its job, whatever became of the definition', async () => {
    await put();
    const asked = () => call().set('Idempotency-Key', 'october');
    await asked().expect(202);
    await api.agent().delete(path).expect(204);
    const [started] = api.started;
    api.jobs = { earlier: () => Promise.resolve(started && aJob({ id: started.jobId })) };
    expect((await asked().expect(202)).headers).toMatchObject({ 'idempotency-replayed': 'true' });
  });

  test.each<[object, string[]]>([
    [{}, ['/title', '/source', '/outputs']],
    [{ title: 5 }, ['/title', '/source', '/outputs']],
    [{ title: 'x', source, outputs: sales.outputs, version: 1, parameters: {} }, ['/version', '/parameters']],
  ])('tells all that is wrong with a request without one: %j', async (body, pointers) => {
    const { errors } = (await submit(body).expect(400)).body as { errors: { pointer: string }[] };
    expect(errors.map(({ pointer }) => pointer).sort()).toEqual([...pointers].sort());
  });
});

describe('preview', () => {
  test('asks for the rows of a whole request, or of a definition', async () => {
    const orders: PreviewOrder[] = [];
    const shown = { columns: [], rows: [[1]], more: true, columnsLeftOut: 0, cut: [], elapsedMs: 3 };
    api.preview = (order) => {
      orders.push(order);
      return Promise.resolve(shown);
    };
    expect((await api.agent().post('/v1/reports/preview').send({ source }).expect(200)).body).toEqual(shown);
    await put();
    const parameters = { since: '2026-01-01' };
    await api.agent().post('/v1/reports/preview').send({ definition: 'sales', source, parameters }).expect(200);
    await api.agent().post(`${path}/preview`).send({ source, parameters, version: 1 }).expect(200);
    const tables = [{ name: 'rows', columns: ['day', 'amount'], rows: [['2026-01-01', 7]] }];
    expect(orders).toMatchObject([
      { tenant: 'acme', source: { tables } },
      { source: { tables, query: { sql } } },
      { source: { tables, query: { sql } } },
    ]);
    expect(api.started).toEqual([]);
  });

  test('tells what the worker found wrong, and where a value does not fit', async () => {
    api.preview = () => Promise.reject(new AppError('query_timeout', 'The preview took longer than 20 seconds.'));
    expect((await api.agent().post('/v1/reports/preview').send({ source }).expect(422)).body).toMatchObject({ code: 'query_timeout' });
    await put();
    const wrong = await api
      .agent()
      .post(`${path}/preview`)
      .send({ source, parameters: { since: 5 } })
      .expect(400);
    expect(wrong.body).toMatchObject({ errors: [{ pointer: '/parameters/since' }] });
    await api.agent(keys.other).post(`${path}/preview`).expect(404);
  });

  test('keeps no file of rows that are too many for a payload', async () => {
    const rows = Array.from({ length: 2_000 }, (_, i) => ({ i, text: 'x'.repeat(40) }));
    let during = 0;
    api.preview = () => {
      during = api.store.records.size;
      return Promise.reject(new AppError('overloaded', 'Busy.', { retryAfterSeconds: 2 }));
    };
    await api.agent().post('/v1/reports/preview').send({ source: { rows } }).expect(503).expect('Retry-After', '2');
    expect([during, api.store.records.size]).toEqual([1, 0]);
  });
});
