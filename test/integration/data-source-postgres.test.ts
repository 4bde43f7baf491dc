import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import pg from 'pg';

import { createConnector } from '../../src/datasources/connector.ts';
import type { DataSource } from '../../src/jobs/data-sources.ts';
import type { Cell } from '../../src/jobs/report-sources.ts';
import { sqlPieces } from '../../src/jobs/sql-parameters.ts';
import { createGuardedStream } from '../../src/outbound/guarded-fetch.ts';
import { createVettedAddress } from '../../src/outbound/vetted-address.ts';
import { createReportEngine } from '../../src/reports/engine.ts';
import { certificateAuthority, noOpenssl } from '../support/certificates.ts';
import { eventually } from '../support/eventually.ts';
import { findPostgres, startPostgres } from '../support/postgres.ts';
import { all } from '../unit/reports/tables.ts';

const programs = await findPostgres();
const skipped = 'skipped' in programs ? programs.skipped : undefined;
const never = new AbortController().signal;

const connectorWith = (allow: string[], seconds = 60) =>
  createConnector({
    ...{ vetted: createVettedAddress({ allow }), fetch: createGuardedStream(), fetchNamed: createGuardedStream() },
    ...{ seconds, maxBytes: 1_000_000, memoryMb: 64, pieces: sqlPieces },
  });

(skipped === undefined ? describe : describe.skip)(`a data source in PostgreSQL${skipped === undefined ? '' : `: ${skipped}`}`, () => {
  let server: Awaited<ReturnType<typeof startPostgres>>;
  let admin: pg.Client;
  let crm: DataSource;
  let directory: string;

  const sourceAt = (url: string, changes: Partial<Extract<DataSource['settings'], { host: string }>> = {}): DataSource => {
    const { hostname: host, port } = new URL(url);
    const settings = { kind: 'postgresql', host, port: Number(port), database: 'postgres', user: 'reader', tls: 'disable' } as const;
    return {
      name: 'crm',
      description: null,
      version: 1,
      changedAt: null,
      secretNames: [],
      secrets: {},
      settings: { ...settings, ...changes },
    };
  };

  beforeAll(async () => {
    if ('skipped' in programs) throw new Error(programs.skipped);
    server = await startPostgres(programs);
    admin = new pg.Client(server.url);
    await admin.connect();
    await admin.query(`
      create role reader login; create table orders (id int primary key, city text, amount numeric(12, 2));
      insert into orders select n, (array['Oslo', 'Bergen'])[1 + n % 2], n / 100.0 from generate_series(1, 1000) n;
      grant all on orders to reader; grant create on schema public to reader; create sequence numbers; grant all on sequence numbers to reader;
      create function writes() returns int language plpgsql volatile as $$ begin delete from orders; return 1; end $$;
      create function opens() returns text language sql volatile as $$ select set_config('transaction_read_only', 'off', true) $$;
      create function tells() returns int language plpgsql as $$ begin raise exception 'Ada owes %', (select max(amount) from orders); end $$`);
    crm = sourceAt(server.url);
  }, 120_000);
  afterAll(async () => {
    await admin.end();
    await server.stop();
  }, 60_000);
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'handoff-postgres-source-'));
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  interface Asked {
    parameters?: Record<string, Cell>;
    source?: DataSource;
    signal?: AbortSignal;
    connector?: ReturnType<typeof connectorWith>;
    /** Of the engine, over `source`. */
    query?: string;
  }
  const limits = { memoryMb: 128, threads: 2, diskMb: 512, maxRows: 10_000_000, querySeconds: 60 };

  async function rowsOf(
    sql: string,
    { parameters = {}, source = crm, signal = never, connector = connectorWith(['127.0.0.1']), query }: Asked = {},
  ) {
    const engine = createReportEngine(directory, limits);
    const table = { name: 'source', dataSource: 'crm', sql, parameters };
    const tables = [{ name: 'source', remote: (one: AbortSignal) => connector.read(source, table, one) }];
    const asked = query === undefined ? undefined : { sql: query, parameters: [] };
    const extract = await engine.extract({ tables, query: asked, signal, report: () => undefined });
    try {
      const read = await engine.readExtract(extract.bytes, { numbers: true, columns: undefined, signal: never });
      try {
        return { columns: read.columns.map(({ name, kind }) => `${name} ${kind}`), rows: await all(read.rows) };
      } finally {
        await read.close();
      }
    } finally {
      await extract.close();
    }
  }
  const codeOf = (work: Promise<unknown>) =>
    work.then(
      () => 'done',
      (error: unknown) => (error as { code?: string }).code ?? String(error),
    );
  const leftAtServer = () =>
    eventually(async () => {
      const { rows } = await admin.query("select 1 from pg_stat_activity where usename = 'reader'");
      expect(rows).toEqual([]);
    });

  test('is read with parameters that the driver binds, in order, and leaves no connection', async () => {
    const sql = "select id, city, amount from orders where city = $city and id < $below and '$city' <> $city order by id desc;  ";
    const { columns, rows } = await rowsOf(sql, { parameters: { city: 'Oslo', below: 7 } });
    expect(columns).toEqual(['id number', 'city text', 'amount number']);
    expect(rows).toEqual([[6, 'Oslo', 0.06], [4, 'Oslo', 0.04], [2, 'Oslo', 0.02]]); // prettier-ignore
    const evil = "Oslo'; drop table orders; --";
    expect((await rowsOf('select count(*) as n from orders where city = $city', { parameters: { city: evil } })).rows).toEqual([[0]]);
    await leftAtServer();
  });

  test.each<[string, string, string[], unknown[][]]>([
    ['whole numbers', "select * from (values (1::int2, 2147483647, 9223372036854775807, 4294967295::oid), (null, null, null, null)) t (a, b, c, d)", ['a number', 'b number', 'c number', 'd number'], [[1, 2147483647, '9223372036854775807', 4294967295], [null, null, null, null]]],
    ['decimals', "select 12345678901234567890.123456789::numeric as a, 0.10::numeric(12, 2) as b, 1e20::numeric as c, -0.5::numeric as d", ['a number', 'b number', 'c number', 'd number'], [['12345678901234567890.123456789', 0.1, '100000000000000000000', -0.5]]],
    ['numerals that no decimal holds', "select 'NaN'::numeric as a, ('1' || repeat('0', 50))::numeric as b", ['a text', 'b text'], [['NaN', `1${'0'.repeat(50)}`]]],
    ['floats', "select 0.1::float8 as a, 1.5::float4 as b, 1e300::float8 as c", ['a number', 'b number', 'c number'], [[0.1, 1.5, 1e300]]],
    ['booleans', 'select true as a, false as b, null::bool as c', ['a boolean', 'b boolean', 'c boolean'], [[true, false, null]]],
    ['dates and times', "select date '2026-01-31' as a, timestamp '2026-01-31 12:00:00.123456' as b, timestamptz '2026-01-31 12:00:00+02' as c, time '23:59:59' as d, date '1752-09-14' as e", ['a date', 'b datetime', 'c instant', 'd time', 'e date'], [['2026-01-31', '2026-01-31 12:00:00.123456', '2026-01-31 10:00:00Z', '23:59:59', '1752-09-14']]],
    ['times without end, and before Christ', "select date 'infinity' as a, timestamp '-infinity' as b, date '0044-03-15 BC' as c", ['a date', 'b datetime', 'c date'], [['infinity', '-infinity', '0044-03-15 (BC)']]],
    ['intervals', "select interval '1 year 2 days 03:04:05' as a, '12:00+02'::timetz as b", ['a text', 'b text'], [['1 year 2 days 03:04:05', '12:00:00+02']]],
    ['JSON', `select '{"a": 12345678901234567890.5}'::json as a, '[1, "x"]'::jsonb as b`, ['a json', 'b json'], [['{"a": 12345678901234567890.5}', '[1, "x"]']]],
    ['arrays', `select array[1, null, 3] as a, array['a"b', 'c,d', '{}', 'NULL', e'\\\\'] as b, array[[1.5, 2], [3, 4]]::numeric[] as c, '{}'::int[] as d, array[true, false] as e`, ['a json', 'b json', 'c json', 'd json', 'e json'], [['[1,null,3]', '["a\\"b","c,d","{}","NULL","\\\\"]', '[[1.5,2],[3,4]]', '[]', '[true,false]']]],
    ['bytes', "select '\\xdeadbeef'::bytea as a, ''::bytea as b", ['a bytes', 'b bytes'], [['3q2+7w==', '']]],
    ['identifiers and addresses', "select '6a2f41a3-c54c-fce8-32d2-0324e1c32e22'::uuid as a, '10.0.0.1'::inet as b, point '(1,2)' as c", ['a text', 'b text', 'c text'], [['6a2f41a3-c54c-fce8-32d2-0324e1c32e22', '10.0.0.1', '(1,2)']]],
    ['text', `select * from (values (''), (null), ('\\N'), ('"'), (e'a\\r\\nb'), (e'\\n'), ('007'), ('NULL'), (',')) t (a)`, ['a text'], [[''], [null], ['\\N'], ['"'], ['a\r\nb'], ['\n'], ['007'], ['NULL'], [',']]],
    ['columns of one name, and of none', 'select 1 as a, 2 as "A", 3, 4 as "a_1"', ['a number', 'A_1 number', '?column? number', 'a_1_1 number'], [[1, 2, 3, 4]]],
    ['no rows', 'select id, city from orders where false', ['id number', 'city text'], []],
  ])('keeps %s', async (_name, sql, columns, rows) => {
    expect(await rowsOf(sql)).toEqual({ columns, rows });
  }); // prettier-ignore

  test('gives many rows in some memory', async () => {
    const count = 200_000;
    const sql = `select n, repeat('x', 200) || n as text from generate_series(1, ${String(count)}) n`;
    const before = process.memoryUsage().rss;
    const { rows } = await rowsOf(sql, { query: 'select count(*) as n, count(distinct text) as different, sum(n) as total from source' });
    expect(rows).toEqual([[count, count, (count * (count + 1)) / 2]]);
    // The rows themselves are more.
    expect(process.memoryUsage().rss - before).toBeLessThan(300_000_000);
  }, 60_000);

  test.each([
    ['an insert', "insert into orders values (0, 'x', 0)"],
    ['an insert that tells', 'with gone as (delete from orders returning *) select * from gone'],
    ['another statement', 'select 1; delete from orders'],
    ['the end of the transaction', 'select 1; commit; delete from orders'],
    ['a table', 'create table x (a int)'],
    ['a table made of rows', 'select * into x from orders'],
    ['a block', 'do $$ begin delete from orders; end $$'],
    ['a setting', 'set transaction read write'],
    ['a copy to a program', "copy orders to program 'cat'"],
    ['a lock of rows', 'select * from orders for update'],
    ['a function that writes', 'select writes()'],
    ['a function that opens the transaction first', 'select opens(), writes()'],
    ['a number of a sequence', "select nextval('numbers')"],
    ['a missing table', 'select * from nowhere'],
    ['a missing parameter', 'select $missing'],
    ['no text', '  ;'],
  ])('refuses %s', async (_name, sql) => {
    expect(await codeOf(rowsOf(sql))).toBe('query_invalid');
    expect((await admin.query('select count(*)::int as n, (select last_value::int from numbers) as last from orders')).rows).toEqual([
      { n: 1000, last: 1 },
    ]);
    await leftAtServer();
  });

  test('shows no values in messages', async () => {
    const failed = async (sql: string) => (await rowsOf(sql).catch((error: unknown) => error as Error)) as Error;
    expect((await failed('select tells()')).message).toBe('source: The query failed with SQLSTATE P0001.');
    expect((await failed('select city::int from orders')).message).toBe(
      'source: invalid input syntax for type integer: … (SQLSTATE 22P02).',
    );
    expect((await failed('select no_such from orders')).message).toBe('source: column "no_such" does not exist (SQLSTATE 42703).');
  });

  test('stops at the server when the job is cancelled', async () => {
    const stop = new AbortController();
    const reading = rowsOf('select pg_sleep(100)', { signal: stop.signal });
    await eventually(async () => {
      expect((await admin.query("select 1 from pg_stat_activity where usename = 'reader' and wait_event = 'PgSleep'")).rows).toHaveLength(
        1,
      );
    });
    stop.abort(new Error('cancelled'));
    await expect(reading).rejects.toThrow('cancelled');
    await leftAtServer();
  });

  test('may take some time, and not more', async () => {
    expect(await codeOf(rowsOf('select pg_sleep(100)', { connector: connectorWith(['127.0.0.1'], 1) }))).toBe('query_timeout');
    await leftAtServer();
  });

  test('that is away is asked again; one that refuses our user waits for somebody', async () => {
    const away = rowsOf('select 1', { source: sourceAt('postgresql://127.0.0.1:1') });
    await expect(away).rejects.toMatchObject({ code: 'data_source_unreachable', retryable: true });
    for (const changes of [{ user: 'nobody' }, { database: 'nowhere' }])
      await expect(rowsOf('select 1', { source: sourceAt(server.url, changes) })).rejects.toMatchObject({
        code: 'data_source_configuration',
        retryable: true,
      });
    expect(await codeOf(rowsOf('select 1', { source: sourceAt(server.url, { tls: 'verify-full' }) }))).toBe('data_source_configuration');
  });

  test.each(['127.0.0.1', 'localhost', '169.254.169.254', '10.0.0.1', '::1', '0'])(
    'at %s is not connected to unless the operator allows it',
    async (host) => {
      const source = sourceAt(server.url, { host });
      const refused = { code: 'data_source_configuration', message: expect.stringContaining('not allowed') };
      await expect(connectorWith([]).check(source, never)).rejects.toMatchObject(refused);
    },
  );

  test('tells its version', async () => {
    expect(await connectorWith(['127.0.0.1']).check(crm, never)).toEqual({ serverVersion: expect.stringMatching(/^\d+/) });
  });

  (noOpenssl === undefined ? describe : describe.skip)(`over TLS${noOpenssl === undefined ? '' : `: ${noOpenssl}`}`, () => {
    test('must have a certificate that is believed', async () => {
      if ('skipped' in programs) throw new Error(programs.skipped);
      const authority = await certificateAuthority();
      const secure = await startPostgres(programs, { tls: await authority.issue('DNS:localhost') });
      try {
        const at = (host: string, ca?: string) =>
          sourceAt(secure.url, { host, user: 'handoff', tls: 'verify-full', ...(ca !== undefined && { ca }) });
        const connector = connectorWith(['127.0.0.1', '::1']);
        const version = { serverVersion: expect.any(String) };
        expect(await connector.check(at('localhost', authority.ca), never)).toEqual(version);
        const refused = { code: 'data_source_configuration' };
        await expect(connector.check(at('localhost'), never)).rejects.toMatchObject(refused);
        await expect(connector.check(at('127.0.0.1', authority.ca), never)).rejects.toMatchObject(refused);
        const stop = new AbortController();
        const table = { name: 'source', dataSource: 'crm', sql: 'select pg_sleep(100)', parameters: {} };
        const reading = connector.read(at('localhost', authority.ca), table, stop.signal);
        setTimeout(() => {
          stop.abort(new Error('cancelled'));
        }, 500);
        await expect(reading).rejects.toThrow('cancelled');
        expect(await connector.check(at('localhost', authority.ca), never)).toEqual(version);
      } finally {
        await secure.stop();
      }
    }, 60_000);
  });
});
