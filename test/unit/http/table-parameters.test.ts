import { beforeEach, describe, expect, test } from '@jest/globals';

import { keys, testApi } from '../../support/api.ts';

const api = testApi();
const path = '/v1/report-definitions/sales';
const parametersSchema = {
  properties: {
    since: { type: 'string', format: 'date' },
    until: { type: 'string', format: 'date-time' },
    least: { type: 'number', minimum: 0, default: 5 },
    most: { type: 'integer', maximum: 100 },
  },
  required: ['since'],
};
const orders = {
  name: 'orders',
  dataSource: 'crm',
  sql: 'select city, amount from orders where day >= $since and at < $until and amount >= $least -- $most',
};
const definition = (changes: { orders?: object; query?: object } = {}) => ({
  title: 'Sales',
  source: {
    tables: [
      { ...orders, ...changes.orders },
      { name: 'targets', rows: [{ city: 'Oslo' }] },
    ],
  },
  query: { sql: 'select * from orders join targets using (city) where amount <= $most', parametersSchema, ...changes.query },
  outputs: [{ format: 'csv' }],
});
const put = (body: object = definition()) => api.agent().put(path).send(body);
const call = (parameters: object) => api.agent(keys.acme).post('/v1/reports').send({ definition: 'sales', parameters });
const sourceOf = () => (api.started.at(-1)?.input as { source: { query: object; tables: object[] } }).source;

describe('parameters of a report in the SQL of its tables', () => {
  beforeEach(async () => {
    const crm = { kind: 'postgresql', host: 'db.example.com', database: 'crm', user: 'reports' };
    await api.agent().put('/v1/data-sources/crm').send(crm);
  });

  test('have the values of the call, with defaults, and times as databases read them', async () => {
    await put().expect(201);
    await call({ since: '2026-01-31', until: '2026-02-01T02:00:00.500+02:00', most: 9 }).expect(202);
    const { tables, query } = sourceOf();
    expect(tables[0]).toEqual({ ...orders, parameters: { since: '2026-01-31', until: '2026-02-01 00:00:00.500', least: 5 } });
    expect(query).toMatchObject({ parameters: expect.arrayContaining([{ name: 'most', type: 'integer', value: 9, tables: true }]) });
    await call({ since: '2026-01-31', least: 0 }).expect(202);
    expect(sourceOf().tables[0]).toMatchObject({ parameters: { until: null, least: 0 } });
  });

  test.each<[string, object, string]>([
    ['of another type', { since: '2026-01-31', least: '1 or 1=1' }, '/parameters/least'],
    ['out of their range', { since: '2026-01-31', least: -1 }, '/parameters/least'],
    ['that are missing', {}, '/parameters/since'],
    ['that nobody declared', { since: '2026-01-31', nope: 1 }, '/parameters/nope'],
  ])('are checked: values %s are refused', async (_name, parameters, pointer) => {
    await put().expect(201);
    expect((await call(parameters).expect(400)).body).toMatchObject({ code: 'invalid_request', errors: [{ pointer }] });
    expect(api.started).toEqual([]);
  });

  test('stand behind those of the table itself', async () => {
    await put(definition({ orders: { parameters: { least: 7 } } })).expect(201);
    await call({ since: '2026-01-31', least: 1 }).expect(202);
    expect(sourceOf().tables[0]).toMatchObject({ parameters: { least: 7 } });
  });

  test('must be declared: a definition whose table names another one is refused, and says which', async () => {
    const sql = "select city, $nope as x from orders where day >= $since and city <> '$text'";
    expect((await put(definition({ orders: { sql } })).expect(422)).body).toMatchObject({
      code: 'query_invalid',
      errors: [
        { pointer: '/query/parametersSchema/properties/until', detail: 'the query has no parameter $until' },
        { pointer: '/query/parametersSchema/properties/least', detail: 'the query has no parameter $least' },
      ],
    });
    const declared = { properties: { since: { type: 'string' }, most: { type: 'integer' } } };
    expect((await put(definition({ orders: { sql }, query: { parametersSchema: declared } })).expect(422)).body).toMatchObject({
      code: 'query_invalid',
      errors: [{ pointer: '/source/tables/0/sql', detail: 'there is no declaration of the parameter $nope' }],
    });
    const alone = { ...definition(), source: { dataSource: 'crm', sql: 'select $x' }, query: undefined };
    expect((await put(alone).expect(422)).body).toMatchObject({ errors: [{ pointer: '/source/sql' }] });
    await api.agent().get(path).expect(404);
  });
});
