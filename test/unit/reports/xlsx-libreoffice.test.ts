import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import ExcelJS from 'exceljs';

import type { Table } from '../../../activities/report-table.ts';
import type { Cell } from '../../../src/jobs/report.ts';
import type { TableColumn } from '../../../src/jobs/report-columns.ts';
import { writeXlsx } from '../../../src/reports/xlsx.ts';
import { converted, whyNoLibreOffice } from '../../support/libreoffice.ts';
import { bytesOf, rowsOf } from './tables.ts';

const missing = await whyNoLibreOffice();

const columns: TableColumn[] = [
  { name: 'id', title: 'No.', kind: 'number', total: 'count' },
  { name: 'text', title: 'Text & <more>', kind: 'text' },
  { name: 'sum', title: 'Sum', kind: 'number', format: '#,##0.00 [$€-407]', total: 'sum' },
  { name: 'day', title: 'Day', kind: 'date', total: 'max' },
  { name: 'at', title: 'At', kind: 'instant' },
  { name: 'ok', title: 'OK', kind: 'boolean' },
  { name: 'link', title: 'Link', kind: 'text', type: 'link' },
];
const texts = ['Ada', '=1+1', '＝1+1', ' two  spaces ', 'a\nb', '_x0041_', 'שלום', '😀 漢字', '\u0001\u001f', "'quoted", '<b>&"'];
const rows = texts.map((text, index): Cell[] => [
  ...[index + 1, text, index * 1.25, `2026-01-${String(index + 10)}`, `2026-01-31 12:00:0${String(index % 10)}Z`],
  ...[index % 2 === 0, `https://example.com/?a=${String(index)}&b=<${text.length.toString()}>`],
]);
const totals = [11, null, 68.75, '2026-01-20', null, null, null].map((value) => (value === null ? null : { value, recountable: true }));
const table = (): Table => ({ title: "Q1 'Sales' [x]: a/b", columns, total: null, rows: rowsOf(rows), totals });

interface Rich {
  text?: unknown;
  hyperlink?: string;
  formula?: string;
  result?: unknown;
  richText?: { text: string }[];
}

/** What is seen of a cell, and what it calculates. LibreOffice writes booleans as formulas. */
function seen(sheet: ExcelJS.Worksheet | undefined): unknown[] {
  const cells: unknown[] = [];
  sheet?.eachRow((row) => {
    row.eachCell((cell) => {
      const { value } = cell;
      const rich: Rich = typeof value === 'object' && value !== null && !(value instanceof Date) ? (value as Rich) : { text: value };
      const boolean = /^(TRUE|FALSE)\(\)$/.exec(rich.formula ?? '')?.[1];
      const text = rich.richText?.map((part) => part.text).join('') ?? rich.text ?? rich.result;
      const plain = text instanceof Date ? text.toISOString() : text;
      cells.push(boolean === undefined ? [cell.address, plain, rich.hyperlink, rich.formula] : [cell.address, boolean === 'TRUE']);
    });
  });
  return cells.map((cell) => (cell as unknown[]).filter((part) => part !== undefined));
}

async function read(bytes: Buffer): Promise<ExcelJS.Workbook> {
  const book = new ExcelJS.Workbook();
  await book.xlsx.load(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length) as ArrayBuffer);
  return book;
}

/** What ExcelJS leaves as it is: all escapes of texts within cells, and of shared ones, as LibreOffice writes them, those with small letters. */
const left = { inline: /_x([\dA-Fa-f]{4})_/g, shared: /_x(?=\d*[a-f])([\da-f]{4})_/g };
const unescaped = (cells: unknown[], escape: RegExp): unknown[] =>
  (cells as unknown[][]).map((cell) =>
    cell.map((value) =>
      typeof value === 'string' ? value.replace(escape, (_, hex: string) => String.fromCharCode(parseInt(hex, 16))) : value,
    ),
  );

(missing === undefined ? describe : describe.skip)(`XLSX in LibreOffice${missing === undefined ? '' : ` (skipped: ${missing})`}`, () => {
  let directory = '';
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'handoff-office-'));
  });
  afterEach(async () => {
    await rm(directory, { recursive: true, force: true });
  });

  test('opens with two sheets, links, filters and totals, and comes to the same values', async () => {
    const bytes = await bytesOf(writeXlsx(table(), { rowsPerSheet: 10 }));
    const [ours, theirs] = [await read(bytes), await read(await converted(directory, bytes, 'xlsx'))];
    expect(theirs.worksheets.map(({ name }) => name)).toEqual(ours.worksheets.map(({ name }) => name));
    expect(ours.worksheets).toHaveLength(2);
    for (const [index, sheet] of ours.worksheets.entries()) {
      expect(unescaped(seen(theirs.worksheets[index]), left.shared)).toEqual(unescaped(seen(sheet), left.inline));
      expect(theirs.worksheets[index]?.autoFilter).toEqual(sheet.autoFilter);
    }
  });

  test('calculates the totals that we wrote', async () => {
    const bytes = await bytesOf(writeXlsx(table()));
    const sheet = (await read(await converted(directory, bytes, 'xlsx'))).worksheets[0];
    expect(sheet?.getCell('C13').value).toMatchObject({ formula: 'SUBTOTAL(109,C2:C12)', result: 68.75 });
    expect(sheet?.getCell('A13').value).toMatchObject({ formula: 'SUBTOTAL(103,A2:A12)', result: 11 });
    expect(sheet?.getCell('D13').value).toMatchObject({ result: new Date('2026-01-20') });
  });
});
