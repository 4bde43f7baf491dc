import { describe, expect, test } from '@jest/globals';
import ExcelJS from 'exceljs';
import fc from 'fast-check';

import type { Table } from '../../../activities/report-table.ts';
import type { Cell } from '../../../src/jobs/report.ts';
import { writeXlsx, type XlsxOptions } from '../../../src/reports/xlsx.ts';
import { hostileTable } from './hostile.ts';
import { breakingTable, bytesOf, endlessTable, sha256, table } from './tables.ts';

/** exceljs leaves the escapes of inline strings to the caller. */
function unescaped(text: string): string {
  return text.replace(/_x([\dA-Fa-f]{4})_/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)));
}

async function workbook(input: Table, options?: XlsxOptions): Promise<ExcelJS.Workbook> {
  const book = new ExcelJS.Workbook();
  const bytes = await bytesOf(writeXlsx(input, options));
  await book.xlsx.load(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length) as ArrayBuffer);
  return book;
}

function cellsOf(sheet: ExcelJS.Worksheet | undefined, width: number): Cell[][] {
  const rows: Cell[][] = [];
  for (let number = 1; number <= (sheet?.rowCount ?? 0); number++) {
    const cells = Array.from({ length: width }, (_, index) => sheet?.getRow(number).getCell(index + 1).value as Cell);
    rows.push(cells.map((cell) => (typeof cell === 'string' ? unescaped(cell) : cell)));
  }
  return rows;
}

describe('writeXlsx', () => {
  test('writes text, numbers, booleans and nothing as what they are', async () => {
    const rows = [['Oslo', 12.5, true, null], ['=1+1', -0.1, false], [], ['12', 1e21, null, 'x']];
    const sheet = (await workbook(table(['a', 'b', 'c', 'd'], rows))).worksheets[0];
    expect(cellsOf(sheet, 4)).toEqual([
      ['a', 'b', 'c', 'd'],
      ['Oslo', 12.5, true, null],
      ['=1+1', -0.1, false, null],
      [null, null, null, null],
      ['12', 1e21, null, 'x'],
    ]);
    expect(sheet?.getCell('A3').type).toBe(ExcelJS.ValueType.String);
  });

  test('makes the header bold and keeps it in sight', async () => {
    const sheet = (await workbook(table(['a'], [[1]]))).worksheets[0];
    expect(sheet?.getCell('A1').font.bold).toBe(true);
    expect(sheet?.getCell('A2').style).toEqual({});
    expect(sheet?.views[0]).toMatchObject({ state: 'frozen', ySplit: 1 });
  });

  test('puts the title into the properties and on the sheet', async () => {
    const book = await workbook(table(['a'], [[1]], 'Sales <Q1> & "more": 10/2026'));
    expect(book.title).toBe('Sales <Q1> & "more": 10/2026');
    expect(book.worksheets[0]?.name).toBe('Sales <Q1> & "more" 10 2026');
  });

  test('writes the header alone when there are no rows', async () => {
    expect(cellsOf((await workbook(table(['a', 'b'], []))).worksheets[0], 2)).toEqual([['a', 'b']]);
  });

  test('names columns beyond Z as a spreadsheet does', async () => {
    const columns = Array.from({ length: 16_384 }, (_, index) => `c${String(index)}`);
    const sheet = (await workbook(table(columns, [columns]))).worksheets[0];
    expect(['Z2', 'AA2', 'ZZ2', 'AAA2', 'XFD2'].map((address) => sheet?.getCell(address).value)).toEqual([
      'c25',
      'c26',
      'c701',
      'c702',
      'c16383',
    ]);
  });

  test('goes on in another sheet, header first, when one is full, and only then', async () => {
    const numbers = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => [from + index]);
    const book = await workbook(table(['n'], numbers(1, 7), 'Long'), { rowsPerSheet: 4 });
    expect(book.worksheets.map((sheet) => [sheet.name, ...cellsOf(sheet, 1).flat()])).toEqual([
      ['Long', 'n', 1, 2, 3],
      ['Long (2)', 'n', 4, 5, 6],
      ['Long (3)', 'n', 7],
    ]);
    expect((await workbook(table(['n'], numbers(1, 6)), { rowsPerSheet: 4 })).worksheets).toHaveLength(2);
    expect(book.worksheets[2]?.getCell('A1').font.bold).toBe(true);
  });

  test('gives every value back through exceljs', async () => {
    await fc.assert(
      fc.asyncProperty(hostileTable, async ({ title, columns, rows }) => {
        const sheet = (await workbook(table(columns, rows, title))).worksheets[0];
        // exceljs reads an empty string as no value.
        const expected = [columns, ...rows].map((row) => columns.map((_, index) => (row[index] === '' ? null : (row[index] ?? null))));
        expect(cellsOf(sheet, columns.length)).toEqual(expected);
      }),
      { numRuns: 150 },
    );
  });

  test('gives the same bytes on each run', async () => {
    const rows = () => Array.from({ length: 3_000 }, (_, n): Cell[] => [n, `text ${String(n)}`]);
    const once = async () => sha256(await bytesOf(writeXlsx(table(['n', 'text'], rows()), { rowsPerSheet: 1_000 })));
    expect(await once()).toBe(await once());
  });

  test('tells nothing of the clock or the time zone', async () => {
    const bytes = await bytesOf(writeXlsx(table(['a'], [[1]])));
    const stamps: { time: number; date: number; extra: number }[] = [];
    for (let at = bytes.indexOf('PK\u0001\u0002'); at >= 0; at = bytes.indexOf('PK\u0001\u0002', at + 1)) {
      stamps.push({ time: bytes.readUInt16LE(at + 12), date: bytes.readUInt16LE(at + 14), extra: bytes.readUInt16LE(at + 30) });
    }
    // 1 January 1980, 0:00 in DOS format; an extra field would hold the time in UTC.
    expect(stamps).toEqual(Array(7).fill({ time: 0, date: 0x21, extra: 0 }));
  });

  test('takes text of 32,767 characters and refuses more, saying where', async () => {
    const book = await workbook(table(['a'], [['x'.repeat(32_767)]]));
    expect(book.worksheets[0]?.getCell('A2').value).toHaveLength(32_767);
    await expect(bytesOf(writeXlsx(table(['a', 'note'], [[1], [2, 'x'.repeat(32_768)]])))).rejects.toMatchObject({
      code: 'source_unreadable',
      message: 'Row 2, column "note": the text has 32768 characters; this format takes at most 32767 in a cell.',
    });
  });

  test.each([
    ['a number that is not finite', table(['a'], [[NaN]]), 'Row 1, column "a": the number is not finite.'],
    ['a row longer than the header', table(['a'], [[1, 2]]), 'Row 1 has 2 cells, but there are 1 columns.'],
    ['too many columns', table(Array<string>(16_385).fill('c'), []), 'There are 16385 columns; an Excel sheet has at most 16384.'],
    [
      'a column name too long',
      table(['a', 'x'.repeat(32_768)], []),
      'The name of column 2 is longer than the 32767 characters of an Excel cell.',
    ],
  ])('refuses %s', async (_, input, message) => {
    await expect(bytesOf(writeXlsx(input))).rejects.toMatchObject({ code: 'source_unreadable', message });
  });

  test.each([0, 10, 50_000])('fails when the rows fail after %d of them', async (count) => {
    const error = new Error('source broke');
    await expect(bytesOf(writeXlsx(breakingTable(count, error), { rowsPerSheet: 9_000 }))).rejects.toBe(error);
  });

  test('closes the rows when the reader leaves early, and has read no more than a few batches', async () => {
    const endless = endlessTable();
    for await (const chunk of writeXlsx(endless)) if (chunk.length > 0) break;
    expect(endless.closed()).toBe(true);
    expect(endless.taken()).toBeLessThan(20_000);
  });

  test('lets timers run while the rows never wait', async () => {
    const ticked = new AbortController();
    const timer = setTimeout(() => {
      ticked.abort();
    }, 1);
    let size = 0;
    for await (const chunk of writeXlsx(endlessTable())) if (ticked.signal.aborted || (size += chunk.length) > 50_000_000) break;
    clearTimeout(timer);
    expect(ticked.signal.aborted).toBe(true);
  });
});
