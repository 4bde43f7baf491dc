import { setTimeout } from 'node:timers/promises';

import { describe, expect, test } from '@jest/globals';

import { tablesOf, testEngine } from './extracts.ts';

const reports = testEngine();
const orders = { orders: 'id,city\n1,Oslo\n2,Bergen\n' };
const invalid = (message: RegExp) => expect.objectContaining({ name: 'AppError', code: 'query_invalid', retryable: false, message: expect.stringMatching(message) as unknown }) as unknown; // prettier-ignore

describe('a query', () => {
  test.each([
    ['INSERT', "insert into orders values (3, 'x')"],
    ['UPDATE', "update orders set city = 'x'"],
    ['DELETE', 'delete from orders'],
    ['CREATE TABLE', 'create table t as select 1'],
    ['CREATE VIEW', 'create or replace view orders as select 1'],
    ['CREATE MACRO', 'create macro f(x) as x'],
    ['DROP', 'drop view orders'],
    ['COPY TO', "copy orders to '/tmp/stolen.csv'"],
    ['COPY of a query', "copy (select * from orders) to '/tmp/stolen.csv'"],
    ['COPY FROM', "copy orders from '/etc/passwd'"],
    ['EXPORT', "export database '/tmp/stolen'"],
    ['IMPORT', "import database '/tmp/stolen'"],
    ['ATTACH', "attach '/tmp/other.db' as other"],
    ['DETACH', 'detach memory'],
    ['USE', 'use memory'],
    ['INSTALL', 'install httpfs'],
    ['LOAD', "load '/tmp/evil.so'"],
    ['PRAGMA', 'pragma database_list'],
    ['a PRAGMA that sets', "pragma memory_limit='100GB'"],
    ['SET', 'set enable_external_access = true'],
    ['RESET', 'reset enable_external_access'],
    ['CALL', 'call pragma_version()'],
    ['CHECKPOINT', 'checkpoint'],
    ['VACUUM', 'vacuum'],
    ['BEGIN', 'begin'],
    ['PREPARE', 'prepare p as select 1'],
    ['EXECUTE', 'execute p'],
    ['EXPLAIN', 'explain select 1'],
    ['DESCRIBE', 'describe orders'],
    ['SUMMARIZE', 'summarize orders'],
    ['SHOW', 'show all tables'],
    ['SET VARIABLE', 'set variable x = 1'],
    ['CREATE SECRET', "create secret s (type s3, key_id 'x', secret 'y')"],
    ['a write within WITH', 'with t as (insert into orders values (1) returning *) select * from t'],
    ['PIVOT with its hidden statements', 'pivot orders on city using count(*)'],
  ])('that is no SELECT is refused: %s', async (_, sql) => {
    await expect(reports.ask(orders, { sql })).rejects.toEqual(invalid(/must be a SELECT|can't be parsed/));
  });

  test.each([
    ['another statement', "select 1; copy (select 1) to '/tmp/stolen.csv'"],
    ['two SELECTs', 'select 1; select 2'],
    ['an end of the brackets around it', "select 1) to '/tmp/stolen.csv' (format csv); select (1"],
    ['a comment that is never closed', 'select 1 /*'],
    ['a quote that is never closed', "select 'x"],
    ['nothing at all', ' ; '],
    ['only a comment', '-- select 1'],
  ])('is refused with %s', async (_, sql) => {
    await expect(reports.ask(orders, { sql })).rejects.toEqual(invalid(/one SELECT|must be a SELECT|can't be parsed/));
  });

  test.each([
    "select * from read_csv('/etc/passwd')",
    "select * from read_csv_auto('/etc/passwd')",
    "select * from read_text('/etc/passwd')",
    "select * from read_blob('/proc/self/environ')",
    "select * from read_json('/etc/passwd')",
    "select * from read_parquet('/etc/passwd')",
    "select * from parquet_metadata('/etc/passwd')",
    "select * from parquet_scan('/etc/passwd')",
    "select * from sniff_csv('/etc/passwd')",
    "select * from glob('/etc/*')",
    "select * from '/etc/passwd'",
    "select * from 'https://example.com/x.parquet'",
    "select * from 's3://bucket/x.csv'",
    'select * from duckdb_settings()',
    'select * from duckdb_secrets()',
    'select * from duckdb_views()',
    'select * from information_schema.tables',
    'select * from pg_catalog.pg_settings',
    'select * from sqlite_master',
    "select * from query('select 1')",
    "select * from query_table('orders')",
    "select (select max(content) from read_text('/etc/passwd'))",
    "with t as (from read_text('/etc/passwd')) select * from t",
    "select * from orders where exists (from glob('/etc/passwd'))",
    "select * from orders, lateral (select * from read_text('/etc/' || city))",
    "select current_setting('temp_directory')",
    "select getenv('HOME')",
    "select list_transform([1], x -> current_setting('temp_directory'))",
  ])('reads nothing but its sources: %s', async (sql) => {
    await expect(reports.ask(orders, { sql })).rejects.toEqual(invalid(/There is no table|is not allowed/));
  });

  test('that gets past the check of its text still reaches no file, no setting and no other database', async () => {
    const { connection, seal, close } = await (
      await import('../../../src/reports/duckdb.ts')
    ).openEngine('/nowhere', { memoryMb: 64, threads: 1, diskMb: 1 });
    try {
      await seal([]);
      for (const sql of [
        "select * from read_text('/etc/passwd')",
        "copy (select 1) to '/tmp/handoff-stolen.csv'",
        "attach '/tmp/handoff-other.db' as other",
        'install httpfs',
        "load '/tmp/evil.so'",
        'set enable_external_access = true',
        "set allowed_paths = ['/etc/passwd']",
        "set memory_limit = '100GB'",
      ])
        await expect(connection.run(sql)).rejects.toThrow(/disabled|locked/);
    } finally {
      close();
    }
  });

  test.each([
    ['a recursive expression', 'with recursive t(n) as (select 1 union all select n + 1 from t) select count(*) as n from t'],
    ['a cross join', 'select count(*) as n from range(1000000000) a, range(1000000000) b where a.range + b.range = -1'],
    ['a long range', 'select max(range % 7) as n from range(1000000000000)'],
  ])('that runs for ever ends with query_timeout: %s', async (_, sql) => {
    await expect(reports.ask(orders, { sql, limits: { querySeconds: 1 } })).rejects.toMatchObject({
      code: 'query_timeout',
      retryable: false,
    });
    expect(await reports.left()).toEqual([]);
  });

  test('that runs for ever ends when the job is cancelled', async () => {
    const cancelling = new AbortController();
    const asking = reports.ask(orders, { sql: 'select max(hash(range)) as n from range(1000000000000)', signal: cancelling.signal }); // prettier-ignore
    await Promise.all([expect(asking).rejects.toThrow('cancelled'), setTimeout(300).then(() => { cancelling.abort(new Error('cancelled')); })]); // prettier-ignore
    expect(await reports.left()).toEqual([]);
  });

  test('with more rows than allowed is an error; nothing is cut off', async () => {
    const ask = (rows: number) => reports.ask(orders, { sql: `select range as n from range(${String(rows)})`, limits: { maxRows: 1_000 } });
    expect((await ask(1_000)).rows).toHaveLength(1_000);
    await expect(ask(1_001)).rejects.toMatchObject({ code: 'query_too_large', message: 'The query gives more than 1000 rows.' });
    await expect(ask(100_000_000)).rejects.toMatchObject({ code: 'query_too_large' });
  });

  test('with a result larger than the disk may hold is an error', async () => {
    const sql = 'select md5(range::varchar) || sha256(range::varchar) as x from range(100000000)';
    await expect(reports.ask(orders, { sql, limits: { diskMb: 2, maxRows: 1e9 } })).rejects.toMatchObject({ code: 'query_too_large' });
    expect(await reports.left()).toEqual([]);
  });

  test.each([
    ['one value', "select string_agg(range::varchar, ',') as x from range(100000000)"],
    ['a sort that does not fit on the disk either', 'select md5(range::varchar) as x from range(50000000) order by x'],
  ])('that needs more memory than allowed is an error that says so: %s', async (_, sql) => {
    const limits = { memoryMb: 64, diskMb: 16, maxRows: 1e9 };
    await expect(reports.ask(orders, { sql, limits })).rejects.toMatchObject({
      code: 'query_too_large',
      message: expect.stringMatching(/64 MiB of memory, or 16 MiB on disk|larger than 16 MiB/),
    });
    expect(await reports.left()).toEqual([]);
  });

  test.each(["'; drop view orders; --", "' or '1'='1", '"', "x') --", '$city', '\\'])(
    'takes the parameter %j as a value',
    async (value) => {
      const parameters = [{ name: 'city', type: 'text' as const, value }];
      expect((await reports.ask(orders, { sql: 'select id, $city as city from orders', parameters })).rows).toEqual([[1, value], [2, value]]); // prettier-ignore
      expect((await reports.ask(orders, { sql: 'select id from orders where city = $city', parameters })).rows).toEqual([]);
    },
  );

  test('tells no path and no value of a source in its error', async () => {
    const sql = 'select city::int as n from orders';
    const error: unknown = await reports.ask(orders, { sql }).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'query_invalid' });
    expect((error as Error).message).not.toMatch(/Oslo|Bergen|handoff-engine|source-0/);
  });

  test('leaves nothing behind, whether it succeeds or fails', async () => {
    const done = await reports.engine().extract({ tables: tablesOf(orders), query: undefined, signal: new AbortController().signal, report: () => undefined }); // prettier-ignore
    expect(await reports.left()).not.toEqual([]);
    await done.close();
    expect(await reports.left()).toEqual([]);
    await expect(reports.ask(orders, { sql: 'select nothing from orders' })).rejects.toThrow();
    expect(await reports.left()).toEqual([]);
  });
});
