import { describe, expect, test } from '@jest/globals';

import type { Cell } from '../../../src/jobs/report.ts';
import { tablesOf, testEngine } from './extracts.ts';
import { rowsOf, sha256 } from './tables.ts';

const reports = testEngine();
const sources = {
  orders: 'id,city,amount,day\n1,Oslo,12.50,2026-01-05\n2,Bergen,7.25,2026-02-01\n3,Oslo,0.10,2026-03-01\n',
  cities: { content: '{"name":"Oslo","country":"NO"}\n{"name":"Bergen","country":"NO"}\n', format: 'ndjson' as const },
};

describe('a query', () => {
  test('joins and sums up several files, decimals exactly', async () => {
    const sql =
      'select country, city, sum(amount) as total, count(*) as n from orders join cities on name = city group by all order by city';
    expect(await reports.ask(sources, { sql, numbers: false })).toEqual({
      columns: ['country', 'city', 'total', 'n'],
      nested: [false, false, false, false],
      kinds: ['text', 'text', 'number', 'number'],
      rows: [['NO', 'Bergen', '7.25', '1'], ['NO', 'Oslo', '12.60', '2']], // prettier-ignore
    });
  });

  test('shows the columns that were asked for, in their order, and no others', async () => {
    const sql = 'select * from orders where id = 2';
    const { columns, rows } = await reports.ask(sources, { sql, columns: [{ name: 'day' }, { name: 'city', title: 'City' }] });
    expect([columns, rows]).toEqual([['day', 'city'], [['2026-02-01', 'Bergen']]]); // prettier-ignore
    await expect(reports.ask(sources, { sql, columns: [{ name: 'Day' }] })).rejects.toMatchObject({
      code: 'query_invalid',
      message: 'There is no column "Day" in the rows of the report.',
    });
  });

  test.each([
    ['a comment at its end', 'select id from orders order by id -- all'],
    ['a semicolon at its end', 'select id from orders order by id;\n'],
    ['FROM first', 'from orders select id order by id'],
    ['WITH', 'with o as (select * from orders) select id from o order by id'],
    ['names in capitals', 'SELECT ID FROM ORDERS ORDER BY ID'],
    ['UNION', 'select 1 as id union all select 2 union all select 3'],
    ['VALUES', 'select * from (values (1), (2), (3)) v(id)'],
    ['a range', 'select range as id from range(1, 4)'],
    ['a subquery', 'select (select max(o.id) from orders o where o.id <= orders.id) as id from orders order by 1'],
  ])('may have %s', async (_, sql) => {
    expect((await reports.ask(sources, { sql })).rows).toEqual([[1], [2], [3]]);
  });

  test('over rows has columns of their types, and text for what is mixed', async () => {
    const rows: Cell[][] = [[1, 1.5, 'x', true, null, 1], [2, 2, "'", false, null, 'x'], [null, null, null, null, null, true]]; // prettier-ignore
    const columns = ['i', 'd', 't', 'b"', 'n', 'm'];
    const extract = await reports.extract([{ name: 'rows', columns, rows: rowsOf(rows) }], {
      sql: 'select *, i * 2 as twice, not "b""" as no from rows',
    });
    expect(await reports.read(extract.bytes)).toMatchObject({
      columns: [...columns, 'twice', 'no'],
      rows: [[1, 1.5, 'x', true, null, '1', 2, false], [2, 2, "'", false, null, 'x', 4, true], [null, null, null, null, null, 'true', null, null]], // prettier-ignore
    });
  });

  test('keeps byte order marks at the beginning of a text', async () => {
    const { rows } = await reports.ask(
      {},
      { sql: "select chr(65279) || 'y' as a, chr(65279) as b, repeat(chr(65279), 2) || 'z' as c, 'x' as d" },
    );
    expect(rows).toEqual([['\ufeffy', '\ufeff', '\ufeff\ufeffz', 'x']]);
  });

  test('takes parameters of every type', async () => {
    const parameters = [
      { name: 'since', type: 'date' as const, value: '2026-02-01' },
      { name: 'at', type: 'time' as const, value: '2026-01-01T02:00:00+02:00' },
      { name: 'text', type: 'text' as const, value: 'x' },
      { name: 'whole', type: 'integer' as const, value: 9_007_199_254_740_991 },
      { name: 'part', type: 'number' as const, value: 0.5 },
      { name: 'yes', type: 'boolean' as const, value: true },
      { name: 'none', type: 'text' as const, value: null },
    ];
    const sql =
      'select id, $at as at, $text as t, $whole as w, $part as p, $yes as y, $none as n from orders where day >= $since order by id limit 1';
    expect((await reports.ask(sources, { sql, parameters })).rows).toEqual([
      [2, '2026-01-01 00:00:00Z', 'x', '9007199254740991', 0.5, true, null],
    ]);
  });

  test('compares a date with a parameter that is text', async () => {
    const parameters = [{ name: 'since', type: 'text' as const, value: '2026-02-01' }];
    expect((await reports.ask(sources, { sql: 'select id from orders where day >= $since order by id', parameters })).rows).toEqual([
      [2],
      [3],
    ]);
  });

  test('need not use a parameter that tables of data sources use', async () => {
    const parameters = [{ name: 'x', type: 'text' as const, value: 'x', tables: true as const }];
    expect((await reports.ask(sources, { sql: 'select 1 as a', parameters })).rows).toEqual([[1]]);
  });

  test.each([
    ['a parameter without a value', 'select $x as x', [], 'There is no value for the parameter $x of the query.'],
    ['a value without a parameter', 'select 1 as x', ['x'], 'The query has no parameter $x.'],
    ['a parameter without a name', 'select ? as x', [], 'There is no value for the parameter $1 of the query.'],
    ['an unknown column', 'select town from orders', [], expect.stringContaining('town')],
    ['an unknown table', 'select * from customers', [], 'There is no table "customers"; there are "orders", "cities".'],
    ['an unknown function', 'select nope(id) as x from orders', [], expect.stringContaining('nope')],
    ['a misspelt word', 'selec 1', [], expect.stringContaining('selec')],
    ['a sum too large for any type', 'select 9e37::decimal(38,0) * 10 as x', [], expect.any(String)],
  ])('with %s is refused, and says so', async (_, sql, names, message) => {
    const parameters = names.map((name) => ({ name, type: 'text' as const, value: 'x' }));
    await expect(reports.ask(sources, { sql, parameters })).rejects.toMatchObject({ code: 'query_invalid', retryable: false, message });
  });

  const values: [expression: string, what: string, number: Cell, text?: Cell][] = [
    ['170141183460469231731687303715884105::hugeint', 'whole numbers of 128 bits', '170141183460469231731687303715884105'],
    ['18446744073709551615::ubigint', 'whole numbers of 64 bits', '18446744073709551615'],
    ['123456789012345', 'numbers that fit', 123_456_789_012_345],
    ["'1.50'::decimal(10,2)", 'decimals', 1.5, '1.50'],
    ["'12345678901234567890.12'::decimal(38,2)", 'long decimals', '12345678901234567890.12'],
    ["'1.1'::float", 'floats', 1.1, 1.1],
    ["'0.1'::double", 'doubles', 0.1, 0.1],
    ["date '0044-03-15'", 'old dates', '0044-03-15'],
    ["time '12:30'", 'times of day', '12:30:00'],
    ["timestamp '2026-01-01 00:00:00.123456'", 'times', '2026-01-01 00:00:00.123456'],
    ["interval '1 month 2 days'", 'intervals', '1 month 2 days'],
    ["'a'::enum('a', 'b')", 'enums', 'a'],
    ["'101'::bit", 'bits', '101'],
    ["'ab'::blob", 'bytes in base 64', 'YWI='],
    ["'5b0e3b6e-8a0c-4b55-9a0e-6f3f0c1d2e3f'::uuid", 'UUIDs', '5b0e3b6e-8a0c-4b55-9a0e-6f3f0c1d2e3f'],
    ['null', 'nothing', null],
    ['[1, null, 3]', 'lists as JSON', '[1,null,3]'],
    ["{a: 1, b: {c: 'x\"'}}", 'structs as JSON', '{"a":1,"b":{"c":"x\\""}}'],
    ["map {'k': 9007199254740993}", 'maps as JSON', '{"k":9007199254740993}'],
    ['[1.10::decimal(5,2), 12345678901234567890123::decimal(38,2)]', 'decimals within lists', '[1.10,12345678901234567890123.00]'],
    ['[170141183460469231731687303715884105::hugeint]', 'large numbers within lists', '[170141183460469231731687303715884105]'],
    ['\'{"a": 1}\'::json', 'JSON as it was written', '{"a": 1}'],
    ["'🦆 مرحبا'", 'emoji and text from right to left', '🦆 مرحبا'],
  ];
  const texts = values.map(
    ([expression, what, number, text]) => [expression, what, number, text ?? (number === null ? null : String(number))] as const,
  );
  test.each(texts)('keeps %s: %s', async (expression, _, number, text) => {
    const sql = `select ${expression} as v`;
    expect((await reports.ask(sources, { sql })).rows).toEqual([[number]]);
    expect((await reports.ask(sources, { sql, numbers: false })).rows).toEqual([[text]]);
  });

  test('gives the same bytes for the same rows', async () => {
    const sql = 'select range as n, md5(range::varchar) as t from range(150000)';
    const [one, two] = [await reports.extract([], { sql }), await reports.extract([], { sql })];
    expect(one.rows).toBe(150_000);
    expect(sha256(two.bytes)).toBe(sha256(one.bytes));
  });

  test('keeps the order that it asks for', async () => {
    const { rows } = await reports.ask({}, { sql: 'select (range * 7919) % 20011 as n from range(20011) order by n desc' });
    expect(rows.map(([n]) => n)).toEqual(Array.from({ length: 20_011 }, (_, i) => 20_010 - i));
  });

  test('tells how much of it is done', async () => {
    const told: number[] = [];
    const content = `a,b\n${Array.from({ length: 300_000 }, (_, i) => `${String(i)},x`).join('\n')}\n`;
    const done = await reports.engine().extract({
      tables: tablesOf({ s: content }),
      query: { sql: 'select max(md5(a.a::varchar || b.range::varchar)) as m from s a, range(20) b', parameters: [] },
      signal: new AbortController().signal,
      report: (percent) => told.push(percent),
    });
    await done.close();
    expect(told.length).toBeGreaterThan(0);
    expect(told.filter((percent) => percent < 0 || percent > 100)).toEqual([]);
  });
});
