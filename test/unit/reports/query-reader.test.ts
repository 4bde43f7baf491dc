import { afterAll, describe, expect, test } from '@jest/globals';

import { createQueryReader } from '../../../src/reports/query-reader.ts';

const reader = createQueryReader();
afterAll(() => reader.close());

describe('the text of a query', () => {
  test('tells which parameters it has, once each', async () => {
    const sql = 'with big as (select * from orders where day >= $since) select $Most, (select $since) from big limit $most;\n';
    expect([...(await reader.read(sql, ['orders']))].sort()).toEqual(['Most', 'since']);
    expect(await reader.read('select 1 -- $none', ['orders'])).toEqual([]);
  });

  test('may name any table while nobody knows them, but no file', async () => {
    const sql = 'select * from orders join cities using (city)';
    expect(await reader.read(sql, undefined)).toEqual([]);
    await expect(reader.read(sql, ['orders'])).rejects.toMatchObject({
      code: 'query_invalid',
      message: expect.stringMatching(/no table "cities"/),
    });
  });

  test.each<[string, RegExp]>([
    ['selec 1', /can't be parsed/],
    ['select 1; select 2', /2 statements/],
    ['drop table orders', /must be a SELECT/],
    ["copy orders to 'x'", /must be a SELECT/],
    ["select * from '/etc/passwd'", /no table/],
    ["select * from read_csv('/etc/passwd')", /not allowed as a table/],
    ['select * from duckdb_settings()', /not allowed as a table/],
    ["select getenv('HOME')", /not allowed/],
    ['select * from other.orders', /no table/],
    [`select ${'not '.repeat(1_900)}true`, /can't be parsed/],
  ])('is refused: %s', async (sql, message) => {
    await expect(reader.read(sql, undefined)).rejects.toMatchObject({ code: 'query_invalid', message: expect.stringMatching(message) });
  });

  test('waits in a line that is not endless, and the next ones are read all the same', async () => {
    const outcomes = await Promise.allSettled(Array.from({ length: 120 }, () => reader.read('select 1', [])));
    const refused = outcomes.filter(({ status }) => status === 'rejected');
    expect(refused).toHaveLength(20);
    expect(refused).toMatchObject(refused.map(() => ({ reason: { code: 'overloaded', retryable: true } })));
    expect(await reader.read('select $x', [])).toEqual(['x']);
  });
});
