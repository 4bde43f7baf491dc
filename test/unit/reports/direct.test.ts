import { createHash } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';

import type { TableBytes } from '../../../activities/report-ports.ts';
import type { ReportColumn } from '../../../src/jobs/report-columns.ts';
import type { DirectOutput } from '../../../src/jobs/report-outputs.ts';
import type { ExtractLimits } from '../../../src/reports/extract.ts';
import { tablesOf, testEngine } from './extracts.ts';

const reports = testEngine();

interface Direct {
  sql?: string;
  tables?: TableBytes[];
  output?: DirectOutput;
  columns?: ReportColumn[];
  limits?: Partial<ExtractLimits>;
  signal?: AbortSignal;
}

async function direct({
  sql,
  tables = [],
  output = { format: 'csv' },
  columns,
  limits = {},
  signal = new AbortController().signal,
}: Direct) {
  const path = join(reports.directory(), 'out');
  const query = sql === undefined ? undefined : { sql, parameters: [] };
  const rows = await reports.engine(limits).write({ tables, query, output, columns, path, signal, report: () => undefined });
  return { rows, path };
}

const outputs: DirectOutput[] = [{ format: 'csv' }, { format: 'parquet' }];

const hostile = `select * from (values (1, 'é🦆', 9007199254740993, date '1815-12-10', 'say "x", y'), (2, 'שלום עולם', -1, date '9999-12-31', E'two\\r\\nlines'),
  (3, '=1+1', 0, null, '')) v(id, text, large, day, quoted)`;
const hostileFields = [
  ['id', 'text', 'large', 'day', 'quoted'],
  ['1', 'é🦆', '9007199254740993', '1815-12-10', 'say "x", y'],
  ['2', 'שלום עולם', '-1', '9999-12-31', 'two\r\nlines'],
  ['3', "'=1+1", '0', '', ''],
];

const script = `
import csv, json, sys
print(json.dumps(list(csv.reader(open(sys.argv[1], encoding='utf-8-sig', newline=''), delimiter=';'))))
`;
const python = (...args: string[]) => execFileSync('python3', args, { encoding: 'utf8' });

/** What Python's csv module reads; undefined where there is no Python. */
const byPython = (() => {
  try {
    python('--version');
  } catch {
    return undefined;
  }
  return (path: string): unknown => JSON.parse(python('-c', script, path));
})();

describe('rows that the engine writes itself', () => {
  test.each(outputs)('are stopped in the middle when the job is cancelled: $format', async (output) => {
    const cancelling = new AbortController();
    const sql = 'select range as n, md5(range::varchar) as t from range(1000000000000)';
    const path = join(reports.directory(), 'out');
    const writing = reports.engine({ diskMb: 100_000 }).write({
      ...{ tables: [], query: { sql, parameters: [] }, output, columns: undefined, path, signal: cancelling.signal },
      // It is at work by then.
      report: () => {
        cancelling.abort(new Error('cancelled'));
      },
    });
    await expect(writing).rejects.toThrow('cancelled');
    expect((await reports.left()).filter((name) => name !== 'out')).toEqual([]);
  });

  test.each(outputs)('are as many as allowed or none: $format', async (output) => {
    const ask = (rows: number) => direct({ sql: `select range as n from range(${String(rows)})`, output, limits: { maxRows: 1_000 } });
    expect((await ask(1_000)).rows).toBe(1_000);
    await expect(ask(1_001)).rejects.toMatchObject({ code: 'query_too_large', message: 'The query gives more than 1000 rows.' });
  });

  test.each(outputs)('have the columns that were asked for: $format', async (output) => {
    const columns = [{ name: 'b', title: 'Title of b' }, { name: 'a' }];
    const { path } = await direct({ sql: "select 1 as a, 'x' as b, true as c", output, columns });
    const bytes = await readFile(path);
    const found = output.format === 'csv' ? bytes.toString() : await reports.read(bytes);
    const wanted = {
      csv: 'Title of b,a\r\nx,1\r\n',
      parquet: expect.objectContaining({ columns: ['b', 'a'], rows: [['x', 1]] }) as unknown,
    };
    expect(found).toEqual(wanted[output.format]);
    await expect(direct({ sql: 'select 1 as a', output, columns: [{ name: 'nope' }] })).rejects.toMatchObject({ code: 'query_invalid' });
  });

  test('are the same bytes of Parquet each time, with several threads', async () => {
    const sql = 'select range as n, md5(range::varchar) as t from range(500000)';
    const once = async () => createHash('sha256').update(await readFile((await direct({ sql, output: { format: 'parquet' } })).path)).digest('hex'); // prettier-ignore
    expect(await once()).toBe(await once());
  });

  test('come from many parts of a Parquet file as the same bytes of CSV as in one go', async () => {
    const sql = `select i as n, case when i % 7 = 0 then null else 'x "' || i || '", y' end as t, i / 8 as d, date '2020-01-01' + (i % 2000)::integer as day,
      timestamptz '2020-01-01 00:00:00+00' + to_seconds(i) as at from range(300000) r(i)`;
    const { path } = await direct({ sql, output: { format: 'parquet' } });
    const content = await readFile(path);
    const tables = () => tablesOf({ rows: { content, format: 'parquet' } });
    const output = { format: 'csv', delimiter: ';', bom: true } as const;
    const parts = await direct({ tables: tables(), output });
    const inParts = await readFile(parts.path);
    const inOne = await direct({ tables: tables(), sql: 'select * from rows', output });
    expect([parts.rows, inOne.rows]).toEqual([300_000, 300_000]);
    expect(inParts.equals(await readFile(inOne.path))).toBe(true);
    await expect(direct({ tables: tables(), output, limits: { maxRows: 299_999 } })).rejects.toMatchObject({ code: 'query_too_large' });
    const cancelling = new AbortController();
    const report = () => {
      cancelling.abort(new Error('cancelled'));
    };
    const writing = reports.engine().write({
      ...{ tables: tables(), query: undefined, output, columns: undefined, path, signal: cancelling.signal, report },
    });
    await expect(writing).rejects.toThrow('cancelled');
    expect((await reports.left()).filter((name) => name !== 'out')).toEqual([]);
  });

  test('are refused with a clear error when they have more columns than the memory takes', async () => {
    const names = Array.from({ length: 16_385 }, (_, index) => `c${String(index)}`);
    const content = `${names.join(',')}\n${names.map((_, index) => String(index)).join(',')}\n`;
    const asked = direct({ tables: tablesOf({ source: { content, csv: { types: 'text' } } }), limits: { memoryMb: 64 } });
    await expect(asked).rejects.toMatchObject({ code: 'query_too_large' });
  });

  test('are read back by the engine as what they were', async () => {
    const { path } = await direct({ sql: hostile, output: { format: 'csv', delimiter: ';', bom: true } });
    const tables = tablesOf({ source: { content: await readFile(path), csv: { types: 'text' } } });
    const { bytes } = await reports.extract(tables);
    expect((await reports.read(bytes)).rows).toEqual(
      hostileFields.slice(1).map((row) => row.map((field) => (field === '' ? null : field))),
    );
  });
});

(byPython === undefined ? describe.skip : describe)(`such rows${byPython === undefined ? ' (skipped: there is no python3)' : ''}`, () => {
  test('are read back by Python', async () => {
    const { path } = await direct({ sql: hostile, output: { format: 'csv', delimiter: ';', bom: true } });
    expect(byPython?.(path)).toEqual(hostileFields);
  });
});
