import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';

import type { TableBytes } from '../../../activities/report-ports.ts';
import type { Cell } from '../../../src/jobs/report.ts';
import type { CsvOptions } from '../../../src/jobs/report-outputs.ts';
import { writeCsv } from '../../../src/reports/csv.ts';
import { testEngine } from './extracts.ts';
import { hostileText } from './hostile.ts';
import { bytesOf, rowsOf, streamOf } from './tables.ts';

const reports = testEngine();
const never = new AbortController().signal;
const bare = { signal: never, report: () => undefined, columns: undefined };

const options: fc.Arbitrary<CsvOptions> = fc.record(
  {
    delimiter: fc.constantFrom(',', ';', '\t', '|'),
    quote: fc.constantFrom('minimal', 'all'),
    bom: fc.boolean(),
    lineEnd: fc.constantFrom('crlf', 'lf'),
    formulas: fc.constantFrom('guard', 'keep'),
  },
  { requiredKeys: [] },
);

/** The engine knows no lone surrogates, and no NUL in a name; what reads names drops U+FEFF at their beginning. */
const text = hostileText.map((value) => Buffer.from(value).toString());
const name = text.map((value) => value.replaceAll('\u0000', '0').replace(/^\ufeff/, '')).filter((value) => value !== '');
const double = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.tuple(fc.double({ min: -10, max: 10, noNaN: true }), fc.integer({ min: -25, max: 25 })).map(([value, exponent]) => value * 10 ** exponent),
  fc.integer({ min: -30, max: 30 }).map((exponent) => 10 ** exponent),
).map((value) => (value === 0 ? 0 : value)); // prettier-ignore
const column = fc.oneof(
  fc.constant(text),
  fc.constant(double as fc.Arbitrary<Cell>),
  fc.constant(fc.boolean() as fc.Arbitrary<Cell>),
  fc.constant(fc.integer() as fc.Arbitrary<Cell>),
);

const table = fc.uniqueArray(name, { minLength: 1, maxLength: 4, selector: (value) => value.toLowerCase() }).chain((columns) =>
  fc.tuple(...columns.map(() => column)).chain((cells) =>
    fc.record({
      columns: fc.constant(columns),
      rows: fc.array(fc.tuple(...cells.map((one: fc.Arbitrary<Cell>) => fc.option(one))), { maxLength: 30 }),
    }),
  ),
);

async function inOneStep(tables: readonly TableBytes[], sql: string | undefined, csv: CsvOptions): Promise<string> {
  const path = join(reports.directory(), 'out.csv');
  const query = sql === undefined ? undefined : { sql, parameters: [] };
  await reports.engine().write({ ...bare, tables, query, path, output: { format: 'csv', ...csv } });
  return readFile(path, 'utf8');
}

async function throughJavaScript(tables: readonly TableBytes[], sql: string | undefined, csv: CsvOptions): Promise<string> {
  const { bytes } = await reports.extract(tables, sql === undefined ? {} : { sql });
  const read = await reports.engine().readExtract(streamOf(bytes), { numbers: false, columns: undefined, signal: never });
  try {
    return (await bytesOf(writeCsv(read, csv))).toString();
  } finally {
    await read.close();
  }
}

describe('a CSV that the engine writes', () => {
  test('has the bytes of the one written row by row, whatever the rows hold', async () => {
    await fc.assert(
      fc.asyncProperty(table, options, async ({ columns, rows }, csv) => {
        const tables = (): TableBytes[] => [{ name: 'rows', columns, rows: rowsOf(rows) }];
        expect(await inOneStep(tables(), undefined, csv)).toBe(await throughJavaScript(tables(), undefined, csv));
      }),
      { numRuns: 40 },
    );
  });

  test('has them for every type', async () => {
    const sql = `select 9007199254740993::bigint as i, -170141183460469231731687303715884105::hugeint as h, '-1.50'::decimal(10,2) as d,
      0.1::float as f, -1e-7::float as g, null::float as k, date '0044-03-15' - interval 50 year as day, date '-infinity' as never, timestamp '1815-12-10 12:00:00.5' as at,
      timestamptz '2026-01-31 12:00:00+02' as zoned, time '12:00:00.25' as t, true as b, null as n, 'é🦆 שלום' as text, [1, 2] as l, {a: '=1'} as s,
      map {'k': 1} as m, '\\xFB\\xEF'::blob as bytes, uuid '00000000-0000-0000-0000-00000000000a' as u, interval 3 day as iv, 'x'::enum('x') as e,
      '-5'::json as j, 255::utinyint as small, 1e300 as large, '#' as hash, '' as nothing union all by name select 5 as i`;
    for (const csv of [{}, { quote: 'all' as const }, { delimiter: '|' as const, lineEnd: 'lf' as const, bom: true }])
      expect(await inOneStep([], sql, csv)).toBe(await throughJavaScript([], sql, csv));
  });

  test('keeps what looks like a byte order mark at the beginning of a value', async () => {
    expect(await inOneStep([], "select 'x' as a, chr(65279) || 'y' as b", {})).toBe('a,b\r\nx,\ufeffy\r\n');
  });

  test('has the header alone when there are no rows', async () => {
    expect(await inOneStep([], 'select 1 as a, \'x\' as "=b" where false', {})).toBe("a,'=b\r\n");
  });

  test('keeps the order of the rows, and so its bytes, with several threads', async () => {
    const sql = 'select range as n, md5(range::varchar) as t from range(400000) where range % 3 <> 0';
    const [once, again] = [await inOneStep([], sql, {}), await inOneStep([], sql, {})];
    expect(again).toBe(once);
    expect(once.split('\r\n').slice(1, -1).map((line) => Number(line.split(',')[0]))).toEqual(Array.from({ length: 266_666 }, (_, i) => 1 + Math.floor(i / 2) * 3 + (i % 2))); // prettier-ignore
  });

  test.each(['double', 'float'])('is refused with a number that is not finite, as a %s', async (type) => {
    await expect(inOneStep([], `select 'inf'::${type} as n`, {})).rejects.toMatchObject({ code: 'source_unreadable' });
  });
});
