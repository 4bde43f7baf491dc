import { describe, expect, test } from '@jest/globals';
import { parse } from 'csv-parse/sync';
import fc from 'fast-check';

import type { CsvOptions } from '../../../src/jobs/report-outputs.ts';
import { writeCsv } from '../../../src/reports/csv.ts';
import { hostileTable } from './hostile.ts';
import { breakingTable, bytesOf, endlessTable, sha256, table } from './tables.ts';

async function csv(columns: string[], ...rows: Parameters<typeof table>[1] extends Iterable<infer R> ? R[] : never): Promise<string> {
  return (await bytesOf(writeCsv(table(columns, rows)))).toString();
}

describe('writeCsv', () => {
  test('writes a header, CRLF after every line, and no byte order mark', async () => {
    expect(await csv(['city', 'sum'], ['Oslo', 12.5], ['Łódź', -3])).toBe('city,sum\r\nOslo,12.5\r\nŁódź,-3\r\n');
  });

  test('quotes separators, quotes and line breaks as RFC 4180 says', async () => {
    expect(await csv(['a', 'b'], ['x,y', 'say "hi"'], ['two\nlines', 'cr\rhere'])).toBe(
      'a,b\r\n"x,y","say ""hi"""\r\n"two\nlines","cr\rhere"\r\n',
    );
  });

  test('writes nothing for null and missing cells, and the words true and false', async () => {
    expect(await csv(['a', 'b', 'c'], [null, true, false], ['short'], [])).toBe('a,b,c\r\n,true,false\r\nshort,,\r\n,,\r\n');
  });

  test('writes the header alone when there are no rows', async () => {
    expect(await csv(['a', 'b'])).toBe('a,b\r\n');
  });

  test('quotes the empty cell of a single column, which would be a blank line otherwise', async () => {
    expect(await csv(['a'], [null], [''])).toBe('a\r\n""\r\n""\r\n');
  });

  test.each([
    ['=1+1', "'=1+1"],
    ['+cmd', "'+cmd"],
    ['-2+3', "'-2+3"],
    ['@SUM(A1)', "'@SUM(A1)"],
    ['\t=1', "'\t=1"],
    ['\r=1', '"\'\r=1"'],
    ['\n=1', '"\'\n=1"'],
    ['\u0000=1', "'\u0000=1"],
    ['＝1', "'＝1"],
    ['＋1', "'＋1"],
    ['－1', "'－1"],
    ['＠x', "'＠x"],
    ['-', "'-"],
    ['+.', "'+."],
    ['-5%', "'-5%"],
    ['-1,5', '"\'-1,5"'],
    ['=A1,"x"', '"\'=A1,""x"""'],
    ['-5', '-5'],
    ['+4.2e3', '+4.2e3'],
    ['-.5', '-.5'],
    ['+47 12', "'+47 12"],
    ['a=1', 'a=1'],
    [' =1', ' =1'],
    ["'=1", "'=1"],
  ])('keeps %j from being taken for a formula, and leaves plain numbers alone', async (text, written) => {
    expect(await csv(['h', 'i'], [text, 1])).toBe(`h,i\r\n${written},1\r\n`);
  });

  test('guards column names as well, and leaves real numbers as they are', async () => {
    expect(await csv(['=h', 'i'], [-5, -1e-7])).toBe("'=h,i\r\n-5,-1e-7\r\n");
  });

  test.each<[string, CsvOptions, string]>([
    ['another delimiter', { delimiter: ';' }, 'a;b\r\n"x;y";1,5\r\n\'=z;\r\n'],
    ['every field in quotes', { quote: 'all' }, '"a","b"\r\n"x;y","1,5"\r\n"\'=z",""\r\n'],
    ['lines that end in LF', { lineEnd: 'lf', delimiter: '|' }, "a|b\nx;y|1,5\n'=z|\n"],
    ['a byte order mark', { bom: true, delimiter: '\t' }, "\ufeffa\tb\r\nx;y\t1,5\r\n'=z\t\r\n"],
    ['no header', { header: false }, 'x;y,"1,5"\r\n\'=z,\r\n'],
    ['formulas as they are', { formulas: 'keep' }, 'a,b\r\nx;y,"1,5"\r\n=z,\r\n'],
  ])('writes %s when that is asked for', async (_, options, written) => {
    expect((await bytesOf(writeCsv(table(['a', 'b'], [['x;y', '1,5'], ['=z', null]]), options))).toString()).toBe(written); // prettier-ignore
  });

  test('quotes what would be a byte order mark at the beginning of the file', async () => {
    expect((await bytesOf(writeCsv(table(['\ufeffa', 'b'], [['\ufeffx', 1]])))).toString()).toBe('"\ufeffa",b\r\n\ufeffx,1\r\n');
    expect((await bytesOf(writeCsv(table(['a', 'b'], [['\ufeffx', 1]]), { header: false }))).toString()).toBe('"\ufeffx",1\r\n');
  });

  test('gives every value back through a CSV parser', async () => {
    await fc.assert(
      fc.asyncProperty(hostileTable, async ({ title, columns, rows }) => {
        const bytes = await bytesOf(writeCsv(table(columns, rows, title)));
        const expected = [columns, ...rows].map((row) => columns.map((_, index) => fieldFor(row[index] ?? null)));
        expect(parse(bytes, { bom: true, record_delimiter: ['\r\n', '\n', '\r'] })).toEqual(expected);
      }),
      { numRuns: 300 },
    );
  });

  test('gives the same bytes on each run', async () => {
    const once = async () => sha256(await bytesOf(writeCsv(table(['a', 'b'], many(5_000)))));
    expect(await once()).toBe(await once());
  });

  test('refuses a row that is longer than the header, and a number that is none', async () => {
    await expect(csv(['a'], [1, 2])).rejects.toMatchObject({
      code: 'source_unreadable',
      message: 'Row 1 has 2 cells, but there are 1 columns.',
    });
    await expect(csv(['a'], [1], [Infinity])).rejects.toMatchObject({ message: 'Row 2, column "a": the number is not finite.' });
  });

  test('fails when the rows fail', async () => {
    const error = new Error('source broke');
    await expect(bytesOf(writeCsv(breakingTable(20_000, error)))).rejects.toBe(error);
  });

  test('closes the rows when the reader leaves early, and has read no more than a few batches', async () => {
    const endless = endlessTable();
    for await (const chunk of writeCsv(endless)) if (chunk.length > 0) break;
    expect(endless.closed()).toBe(true);
    expect(endless.taken()).toBeLessThan(20_000);
  });

  test('lets timers run while the rows never wait', async () => {
    const ticked = new AbortController();
    const timer = setTimeout(() => {
      ticked.abort();
    }, 1);
    let size = 0;
    for await (const chunk of writeCsv(endlessTable())) if (ticked.signal.aborted || (size += chunk.length) > 50_000_000) break;
    clearTimeout(timer);
    expect(ticked.signal.aborted).toBe(true);
  });
});

function fieldFor(cell: string | number | boolean | null): string {
  if (cell === null) return '';
  if (typeof cell !== 'string') return String(cell);
  const dangerous = ['=', '+', '-', '@', '\u0000', '\t', '\n', '\r', '＝', '＋', '－', '＠'].includes(cell.charAt(0));
  const guarded = dangerous && !/^[+-](\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?$/.test(cell) ? `'${cell}` : cell;
  // UTF-8 has no lone surrogates.
  return Buffer.from(guarded).toString();
}

function* many(count: number): Generator<[number, string]> {
  for (let n = 0; n < count; n++) yield [n, `text ${String(n)}, with a comma`];
}
