import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import { createConnector } from '../../src/datasources/connector.ts';
import type { DataSource } from '../../src/jobs/data-sources.ts';
import type { Cell } from '../../src/jobs/report-sources.ts';
import { sqlPieces } from '../../src/jobs/sql-parameters.ts';
import { createGuardedStream } from '../../src/outbound/guarded-fetch.ts';
import { createVettedAddress } from '../../src/outbound/vetted-address.ts';
import { createReportEngine } from '../../src/reports/engine.ts';
import { eventually } from '../support/eventually.ts';
import { findMariadb, startMariadb } from '../support/mariadb.ts';
import { all } from '../unit/reports/tables.ts';

const programs = await findMariadb();
const skipped = 'skipped' in programs ? programs.skipped : undefined;
const never = new AbortController().signal;

const prepared = `create database crm;
create user 'reader'@'%' identified by 'hunter2';
grant all on crm.* to 'reader'@'%';
grant process on *.* to 'reader'@'%';
create table crm.orders (id int primary key, city varchar(50), amount decimal(12, 2));
insert into crm.orders values (2, 'Bergen', 0.02), (3, 'Oslo', 12345678.90);`;

(skipped === undefined ? describe : describe.skip)(`a data source in MySQL${skipped === undefined ? '' : `: ${skipped}`}`, () => {
  let server: Awaited<ReturnType<typeof startMariadb>>;
  let directory: string;
  beforeAll(async () => {
    if ('skipped' in programs) throw new Error(programs.skipped);
    server = await startMariadb(programs, prepared);
    directory = await mkdtemp(join(tmpdir(), 'handoff-mysql-source-'));
  }, 180_000);
  afterAll(async () => {
    await server.stop();
    await rm(directory, { recursive: true, force: true });
  }, 60_000);

  const connectorWith = (allow: string[], seconds = 60) =>
    createConnector({
      ...{ vetted: createVettedAddress({ allow }), fetch: createGuardedStream(), fetchNamed: createGuardedStream() },
      ...{ seconds, maxBytes: 1_000_000, memoryMb: 64, pieces: sqlPieces },
    });
  const source = (password = 'hunter2', changes: object = {}): DataSource => ({
    ...{ name: 'crm', description: null, version: 1, changedAt: null, secretNames: ['password'], secrets: { password } },
    settings: { kind: 'mysql', host: '127.0.0.1', port: server.port, database: 'crm', user: 'reader', tls: 'disable', ...changes },
  });

  interface Asked {
    parameters?: Record<string, Cell>;
    from?: DataSource;
    signal?: AbortSignal;
    connector?: ReturnType<typeof connectorWith>;
  }

  async function rowsOf(
    sql: string,
    { parameters = {}, from = source(), signal = never, connector = connectorWith(['127.0.0.1']) }: Asked = {},
  ) {
    const engine = createReportEngine(directory, { memoryMb: 128, threads: 2, diskMb: 128, maxRows: 100_000, querySeconds: 60 });
    const table = { name: 'source', dataSource: 'crm', sql, parameters };
    const tables = [{ name: 'source', remote: (one: AbortSignal) => connector.read(from, table, one) }];
    const extract = await engine.extract({ tables, query: undefined, signal, report: () => undefined });
    const read = await engine.readExtract(extract.bytes, { numbers: true, columns: undefined, signal: never });
    try {
      return await all(read.rows);
    } finally {
      await read.close();
      await extract.close();
    }
  }

  test('is read with parameters that the driver binds, and keeps every value', async () => {
    expect(await rowsOf('select id, city, amount from orders where city = $city and id > $id order by id', { parameters: { city: 'Oslo', id: 1 } })).toEqual([[3, 'Oslo', 12345678.9]]); // prettier-ignore
    expect(await rowsOf('select count(*) as n from orders where city = $city', { parameters: { city: "' or 1=1 -- " } })).toEqual([[0]]);
    const values = `select cast(18446744073709551615 as unsigned) as a, cast(-9223372036854775808 as signed) as b, 12345678901234567890.123456789 as c,
      date '2026-01-31' as d, timestamp '2026-01-31 12:00:00' as e, x'deadbeef' as f, '' as g, null as h, 'a"b\\n,\\\\N' as i, 1e0/3 as j`;
    const numbers = ['18446744073709551615', '-9223372036854775808', '12345678901234567890.123456789'];
    expect(await rowsOf(values)).toEqual([[...numbers, '2026-01-31', '2026-01-31 12:00:00', '3q2+7w==', '', null, 'a"b\n,\\N', 1 / 3]]);
    expect(await rowsOf('select seq as a, 1 as a from seq_1_to_2000 order by seq')).toHaveLength(2_000);
  });

  test.each([
    'delete from orders',
    'select 1; delete from orders',
    'create table x (a int)',
    'set autocommit = 1',
    'do sleep(0)',
    'commit',
    '/*! delete from orders */',
  ])('refuses %s', async (sql) => {
    await expect(rowsOf(sql)).rejects.toMatchObject({ code: 'query_invalid', retryable: false });
    expect(await rowsOf('select id from orders order by id')).toEqual([[2], [3]]);
  });

  test('stops at the server when the job is cancelled, or time is over', async () => {
    const stop = new AbortController();
    const reading = rowsOf('select sleep(100) as a', { signal: stop.signal });
    const sleeping = () => rowsOf("select count(*) as n from information_schema.processlist where info like 'select sleep(100)%'");
    await eventually(async () => {
      expect(await sleeping()).toEqual([[1]]);
    });
    stop.abort(new Error('cancelled'));
    await expect(reading).rejects.toThrow('cancelled');
    await eventually(async () => {
      expect(await sleeping()).toEqual([[0]]);
    });
    await expect(rowsOf('select sleep(100) as a', { connector: connectorWith(['127.0.0.1'], 1) })).rejects.toMatchObject({
      code: 'query_timeout',
    });
  });

  test('that refuses our password, does not speak TLS or may not be reached waits for somebody; one that is away is asked again', async () => {
    const configuration = { code: 'data_source_configuration', retryable: true };
    await expect(rowsOf('select 1', { from: source('wrong') })).rejects.toMatchObject(configuration);
    await expect(rowsOf('select 1', { from: source('hunter2', { tls: 'verify-full' }) })).rejects.toMatchObject(configuration);
    await expect(rowsOf('select 1', { connector: connectorWith([]) })).rejects.toMatchObject(configuration);
    await expect(rowsOf('select 1', { from: source('hunter2', { port: 1 }) })).rejects.toMatchObject({ code: 'data_source_unreachable' });
    await expect(rowsOf('select no_such from orders')).rejects.toMatchObject({
      code: 'query_invalid',
      message: expect.stringContaining('no_such'),
    });
    expect(await connectorWith(['127.0.0.1']).check(source(), never)).toEqual({ serverVersion: expect.stringContaining('MariaDB') });
  });
});
