import { describe, expect, test } from '@jest/globals';
import ExcelJS from 'exceljs';
import fc from 'fast-check';

import type { Table } from '../../../activities/report-table.ts';
import type { ReportColumn } from '../../../src/jobs/report-columns.ts';
import { isWellFormed } from '../../../src/jobs/single-line.ts';
import { writeXlsx, type XlsxOptions } from '../../../src/reports/xlsx.ts';
import { testEngine } from './extracts.ts';
import { hostileText } from './hostile.ts';
import { bytesOf, streamOf } from './tables.ts';
import { unzipped } from './unzipped.ts';

const reports = testEngine();

interface Wanted {
  columns?: ReportColumn[];
  options?: XlsxOptions;
  /** Default: the engine writes the rows. */
  byCells?: boolean;
}

async function book(extract: Buffer, { columns, options, byCells = false }: Wanted): Promise<Buffer> {
  const signal = new AbortController().signal;
  const { close, ...table } = await reports.engine().readExtract(streamOf(extract), { numbers: true, columns, signal });
  expect(table.held).toBeDefined();
  if (byCells) delete table.held;
  try {
    return await bytesOf(writeXlsx({ title: 'Test', total: null, ...table } satisfies Table, options));
  } finally {
    await close();
  }
}

const written = async (sql: string, wanted: Wanted = {}) => book((await reports.extract([], { sql })).bytes, wanted);

async function read(bytes: Buffer): Promise<ExcelJS.Workbook> {
  const book = new ExcelJS.Workbook();
  await book.xlsx.load(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length) as ArrayBuffer);
  return book;
}

/** Each cell as it is written; numbers by their value: 1.50 is 1.5. */
async function cellsOf(extract: Buffer, byCells: boolean): Promise<unknown[]> {
  const xml = unzipped(await book(extract, { byCells })).get('xl/worksheets/sheet1.xml') ?? '';
  return [...xml.matchAll(/<c r="(\w+)"(.*?)<\/c>/gs)].map(([, reference, cell = '']) => [
    reference,
    cell.replaceAll('&quot;', '"').replace(/<v>(.*)<\/v>/, (_, value: string) => `<v>${String(Number(value))}</v>`),
  ]);
}

const first = async (sql: string, wanted?: Wanted) => (await read(await written(sql, wanted))).worksheets[0] as ExcelJS.Worksheet;
const quoted = (text: string) => `'${text.replaceAll("'", "''")}'`;
/** SQL text holds no NUL. */
const anyText = (text: string) => `decode(from_hex('${Buffer.from(text).toString('hex')}'))`;

describe('XLSX of an extract', () => {
  test('has numbers, dates, times and booleans as what they are', async () => {
    const sheet = await first(`select 9007199254740993::bigint as big, 123456789012345::bigint as fits, 12.50::decimal(10,2) as d,
      1234567890123456.78::decimal(20,2) as long, 0.1::float as f, 1e300 as e, true as b, null::integer as n, '=1+1' as t,
      date '2026-01-31' as day, date '1900-02-28' as old, timestamp '2026-01-31 12:30:00.5' as at, timestamp 'infinity' as never,
      timestamptz '2026-01-31 12:00:00+02' as instant, time '06:00' as time`);
    const row = sheet.getRow(2);
    const value = (name: string) => row.getCell((sheet.getRow(1).values as string[]).indexOf(name)).value;
    expect(['big', 'fits', 'd', 'long', 'f', 'e', 'b', 'n', 't'].map(value)).toEqual([
      '9007199254740993',
      123_456_789_012_345,
      12.5,
      '1234567890123456.78',
      0.1,
      1e300,
      true,
      null,
      '=1+1',
    ]);
    expect([value('day'), value('old'), value('never')]).toEqual([new Date('2026-01-31'), '1900-02-28', 'infinity']);
    expect([value('at'), value('instant')]).toEqual([new Date('2026-01-31T12:30:00.500Z'), new Date('2026-01-31T10:00:00Z')]);
    expect(value('time')).toEqual(new Date('1899-12-30T06:00:00Z'));
    const format = (name: string) => row.getCell((sheet.getRow(1).values as string[]).indexOf(name)).numFmt;
    expect(['day', 'at', 'instant', 'time', 'd'].map(format)).toEqual([
      'yyyy-mm-dd',
      'yyyy-mm-dd hh:mm:ss',
      'yyyy-mm-dd hh:mm:ss"Z"',
      'hh:mm:ss',
      undefined,
    ]);
  });

  test('is the same whether the engine or JavaScript writes its rows', async () => {
    const row = fc.record({
      text: hostileText.filter(isWellFormed),
      double: fc.double({ noNaN: true, noDefaultInfinity: true }),
      big: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
      moment: fc.oneof(
        fc.date({ min: new Date('0001-01-01'), max: new Date('9999-12-31'), noInvalidDate: true }).map((at) => at.toISOString()),
        fc.constantFrom('infinity', '-infinity', '0044-03-15 (BC)', '1900-02-28', '1900-03-01', '9999-12-31 23:59:59'),
      ),
      time: fc.integer({ min: 0, max: 86_400_000_000 }),
      flag: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(row, { minLength: 100, maxLength: 150 }), fc.boolean(), async (rows, nulls) => {
        const values = rows.map(({ text, double, big, moment, time, flag }) => {
          const [t, at] = [anyText(text), `${quoted(moment)}::timestamp`];
          return `(${t}, ${String(double)}::double, (${String(big)})::bigint, ((${String(big)})::decimal(38,0) / 1000)::decimal(38,5),
            ${at}, ${at}::date, ${quoted(moment)}::timestamptz, ${time === 86_400_000_000 ? "'24:00:00'::time" : `make_time(0, 0, 0) + to_microseconds(${String(time)})`}, ${String(flag)}, [${t}])`;
        });
        const none = nulls ? `union all select ${Array(10).fill('null').join(', ')}` : '';
        const sql = `select *, encode(text) as bytes, sin(least(1e6, greatest(-1e6, d)))::float as f
          from (values ${values.join(', ')} ${none}) t(text, d, big, dec, moment, day, instant, time, flag, list)`;
        const { bytes } = await reports.extract([], { sql });
        expect(await cellsOf(bytes, false)).toEqual(await cellsOf(bytes, true));
      }),
      { numRuns: 3, endOnFailure: true },
    );
  });

  test('goes on in further sheets, in order, over many groups of rows, with a total of all', async () => {
    const sql = 'select i::integer as i from range(250000) t(i)';
    const columns: ReportColumn[] = [{ name: 'i', total: 'sum' }];
    const bytes = await written(sql, { columns, options: { rowsPerSheet: 130_000 } });
    const sheets = [1, 2].map((number) => unzipped(bytes).get(`xl/worksheets/sheet${String(number)}.xml`) ?? '');
    const values = sheets.map((xml) =>
      [...xml.matchAll(/<c r="A(\d+)"><v>(\d+)<\/v>/g)].map(([, row, value]) => `${String(row)} ${String(value)}`).join(),
    );
    const expected = (from: number, to: number) =>
      Array.from({ length: to - from }, (_, index) => `${String(index + 2)} ${String(from + index)}`).join();
    expect(values[0] === expected(0, 129_998)).toBe(true);
    expect(values[1] === expected(129_998, 250_000)).toBe(true);
    expect(sheets[1]).toMatch(/<row r="120004"><c r="A120004" s="\d+"><v>31249875000<\/v><\/c><\/row><\/sheetData>/);
    expect((await written(sql, { columns, options: { rowsPerSheet: 130_000 } })).equals(bytes)).toBe(true);
  });

  test.each([
    [
      "select repeat('é', 40000) as note",
      'Row 1, column "note": the text has 40000 characters; this format takes at most 32767 in a cell.',
    ],
    ["select if(i = 5000, 'nan'::double, i) as n from range(9000) t(i)", 'Row 5001, column "n": the number is not finite.'],
  ])('refuses what a cell can not hold, saying where: %s', async (sql, message) => {
    await expect(written(sql)).rejects.toMatchObject({ code: 'source_unreadable', message });
    await expect(written(sql, { byCells: true })).rejects.toMatchObject({ code: 'source_unreadable', message });
    expect(await reports.left()).toEqual([]);
  });

  test('takes text of 32,767 characters that are more bytes', async () => {
    expect((await first("select repeat('漢', 32767) as note")).getCell('A2').value).toHaveLength(32_767);
  });

  test('leaves nothing behind when the reader leaves early', async () => {
    const { bytes } = await reports.extract([], { sql: 'select i, md5(i::varchar) as h from range(400000) t(i)' });
    const table = await reports
      .engine()
      .readExtract(streamOf(bytes), { numbers: true, columns: undefined, signal: new AbortController().signal });
    let size = 0;
    for await (const chunk of writeXlsx({ title: 'Test', total: null, ...table })) if ((size += chunk.length) > 1_000_000) break;
    await table.close();
    expect(await reports.left()).toEqual([]);
  });
});
