import { appendFile, copyFile, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';

import type { DataSource } from '../../../src/jobs/data-sources.ts';
import type { Cell } from '../../../src/jobs/report-sources.ts';
import { createConnector } from '../../../src/datasources/connector.ts';
import { sqlPieces } from '../../../src/jobs/sql-parameters.ts';
import { createGuardedStream } from '../../../src/outbound/guarded-fetch.ts';
import { createVettedAddress } from '../../../src/outbound/vetted-address.ts';
import { makeSqlite } from '../../support/sqlite.ts';
import { testEngine } from '../reports/extracts.ts';
import { all } from '../reports/tables.ts';

const engine = testEngine();
const never = new AbortController().signal;
const [longest, endless] = ['9223372036854775807', 'with recursive s(i) as (select 1 union all select i + 1 from s) select max(i) from s'];

const connectorWith = (seconds = 60) =>
  createConnector({
    ...{ vetted: createVettedAddress(), fetch: createGuardedStream(), fetchNamed: createGuardedStream() },
    ...{ seconds, maxBytes: 1_000_000, memoryMb: 64, pieces: sqlPieces },
  });

describe('a data source in a file of SQLite', () => {
  let path: string;
  let temporary: string;
  const before = process.env['TMPDIR'];
  beforeEach(async () => {
    temporary = join(engine.directory(), 'temporary');
    await mkdir(temporary);
    await mkdir(join(engine.directory(), 'data'));
    path = join(engine.directory(), 'data', 'till.db');
    process.env['TMPDIR'] = temporary;
    makeSqlite(
      path,
      `create table sales (id integer primary key, city text, amount real, at integer);
      insert into sales values (1, 'Oslo', 10.25, 7), (2, 'Bergen', 0.5, null), (3, 'Oslo', 3, ${longest})`,
    );
  });
  afterEach(async () => {
    // Each query had a directory of its own, and its locks.
    const left = [
      ...(await readdir(temporary)),
      ...(await readdir(join(engine.directory(), 'data'))).filter((name) => name.endsWith('.lock')),
    ];
    if (left.length > 0) throw new Error(`Left behind: ${left.join(', ')}`);
    if (before === undefined) delete process.env['TMPDIR'];
    else process.env['TMPDIR'] = before;
  });

  const source = (at = path): DataSource => ({
    ...{ name: 'till', description: null, version: null, changedAt: null, secretNames: [], secrets: { path: at } },
    settings: { kind: 'sqlite' },
  });

  interface Asked {
    parameters?: Record<string, Cell>;
    from?: DataSource;
    signal?: AbortSignal;
    seconds?: number;
  }

  async function ask(sql: string, { parameters = {}, from = source(), signal = never, seconds }: Asked = {}) {
    const table = { name: 'source', dataSource: 'till', sql, parameters };
    const tables = [{ name: 'source', remote: (one: AbortSignal) => connectorWith(seconds).read(from, table, one) }];
    const { bytes } = await engine.extract(tables, { signal });
    return engine.read(bytes);
  }
  const rowsOf = async (sql: string, asked?: Asked) => (await ask(sql, asked)).rows;

  test('is read with parameters that are bound, and keeps every value', async () => {
    const sql = 'select id, city, amount from sales where city = $city and id > $id -- $comment\n order by id;';
    expect(await rowsOf(sql, { parameters: { city: 'Oslo', id: 1 } })).toEqual([[3, 'Oslo', 3]]);
    expect(await rowsOf('select count(*) from sales where city = $city', { parameters: { city: "' or 1=1 -- " } })).toEqual([[0]]);
    const values = `select ${longest} as a, -9223372036854775807 - 1 as b, 1e0/3 as c, 9007199254740993 as d, x'deadbeef' as e, '' as f,
      null as g, 'a"b' || char(10) || ',\\N' as h, 'ä€😀' as i, 1e300 as j, $yes as k`;
    const numbers = [longest, '-9223372036854775808', 1 / 3, '9007199254740993'];
    expect(await rowsOf(values, { parameters: { yes: true } })).toEqual([
      [...numbers, '3q2+7w==', '', null, 'a"b\n,\\N', 'ä€😀', 1e300, 1],
    ]);
    expect(await ask('select 1 as a, 2 as A, 3 as a where $no', { parameters: { no: false } })).toMatchObject({
      ...{ columns: ['a', 'A_1', 'a_2'], rows: [] },
    });
  });

  test('gives all rows in their order, many batches of them', async () => {
    const many =
      'with recursive s(i) as (select 1 union all select i + 1 from s where i < 20000) select i, hex(zeroblob(i % 500)) as t from s';
    const rows = await rowsOf(many);
    expect(rows).toHaveLength(20_000);
    expect(rows.every(([i, text], index) => i === index + 1 && String(text ?? '').length === ((index + 1) % 500) * 2)).toBe(true);
  });

  test('has columns whose type is the one that holds all their values', async () => {
    const mixed = (...values: string[]) => rowsOf(values.map((value) => `select ${value} as v`).join(' union all '));
    expect(await mixed('1', '2.5', 'null')).toEqual([[1], [2.5], [null]]);
    expect(await mixed('1', "'007'", '2.0')).toEqual([['1'], ['007'], ['2.0']]);
    expect(await mixed('0.5', longest)).toEqual([['0.5'], [longest]]);
    await expect(mixed("x'00'", "'a'")).rejects.toMatchObject({ code: 'source_unreadable', message: expect.stringContaining('Column 1') });
    await expect(mixed("'a' || char(0) || 'b'")).rejects.toMatchObject({
      code: 'source_unreadable',
      message: expect.stringContaining('NUL'),
    });
  });

  test.each([
    'delete from sales',
    'select 1; delete from sales',
    'with a as (select 1) insert into sales (id) select * from a',
    "/* select */ attach 'other.db' as other",
    'pragma journal_mode = wal',
    'select * from pragma_database_list',
    'select * from "Pragma_Database_List"',
    "vacuum into 'copy.db'",
    'create temp table x (a)',
    'explain select 1',
    'select ?',
    'select :city',
    'select 1\0, 2',
    "select load_extension('x')",
    "select readfile('/etc/hostname')",
    'select no_such from sales',
    '-- nothing',
  ])('refuses %j', async (sql) => {
    const bytes = await readFile(path);
    const error = await rowsOf(sql).then(String, (reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'query_invalid', retryable: false, message: expect.not.stringContaining(engine.directory()) });
    expect(await readdir(join(path, '..'))).toEqual(['till.db']);
    expect((await readFile(path)).equals(bytes)).toBe(true);
  });

  test('stops when the job is cancelled, or time is over, in the middle of a query', async () => {
    const stop = new AbortController();
    const reading = rowsOf(endless, { signal: stop.signal });
    setImmediate(() => {
      stop.abort(new Error('cancelled'));
    });
    await expect(reading).rejects.toThrow('cancelled');
    await expect(rowsOf(endless, { seconds: 1 })).rejects.toMatchObject({ code: 'query_timeout' });
  });

  test('may take some memory, and not more', async () => {
    expect(await rowsOf('select length(hex(zeroblob(1000000))) as n')).toEqual([[2_000_000]]);
    await expect(rowsOf('select length(hex(zeroblob(40000000))) as n')).rejects.toMatchObject({ code: 'query_too_large' });
    await expect(rowsOf('select zeroblob(3000000) as n')).rejects.toMatchObject({ code: 'source_unreadable' });
  });

  test('that is not there, is something else, or has a write-ahead log waits for somebody, and nobody learns where it is', async () => {
    const beside = (name: string) => join(path, '..', name);
    await writeFile(beside('text'), 'city,amount\n'.repeat(100));
    await copyFile(path, beside('wal.db'));
    const wal = await readFile(path);
    wal.fill(2, 18, 20);
    await writeFile(beside('wal.db'), wal);
    const failed = async (at: string) => rowsOf('select 1 as a', { from: source(at) }).then(String, (reason: unknown) => reason as Error);
    for (const [at, said] of [
      ['none.db', 'ENOENT'],
      ['text', 'no SQLite database'],
      ['wal.db', 'VACUUM INTO'],
      ['', 'no file'],
    ] as const) {
      // prettier-ignore
      const error = await failed(beside(at));
      expect(error).toMatchObject({ code: 'data_source_configuration', retryable: true, message: expect.stringContaining(said) });
      expect(String(error)).not.toContain(engine.directory());
    }
  });

  test('that is being written, or has changed meanwhile, is read again later', async () => {
    const unreachable = { code: 'data_source_unreachable', retryable: true };
    await writeFile(`${path}-journal`, Buffer.from('d9d505f920a163d700000001', 'hex'));
    await expect(rowsOf('select 1 as a')).rejects.toMatchObject(unreachable);
    await rm(`${path}-journal`);
    const table = { name: 'source', dataSource: 'till', sql: 'select city from sales', parameters: {} };
    const content = await connectorWith().read(source(), table, never);
    if (!('batches' in content)) throw new Error('No rows');
    await appendFile(path, Buffer.alloc(4096));
    await expect(all(content.batches)).rejects.toMatchObject(unreachable);
    await content.close();
  });

  test('says its version when it is checked', async () => {
    expect(await connectorWith().check(source(), never)).toEqual({ serverVersion: expect.stringMatching(/^3\.\d+/) });
    await expect(connectorWith().check(source('/nowhere/x.db'), never)).rejects.toMatchObject({ code: 'data_source_configuration' });
  });
});
