import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';

import type { Table } from '../../../activities/report-table.ts';
import type { Cell } from '../../../src/jobs/report.ts';
import type { TableColumn } from '../../../src/jobs/report-columns.ts';
import { createDrawingRoom } from '../../../src/reports/drawing-room.ts';
import { writePdf } from '../../../src/reports/pdf.ts';
import { pdfPages, whyNoPoppler } from '../../support/poppler.ts';
import { all, columnsOf, endlessTable, rowsOf, table } from './tables.ts';

const missing = await whyNoPoppler();

const room = createDrawingRoom({ threads: 1, memoryMb: 512 });

beforeAll(async () => {
  // Loads the libraries of the thread.
  await pdf(table(['a'], [[1]]));
}, 60_000);
afterAll(async () => {
  await room.close();
});

async function pdf(source: Table, { maxRows = 1_000 } = {}): Promise<{ bytes: Buffer; notes: string[] }> {
  const notes: string[] = [];
  const chunks: Uint8Array[] = [];
  for await (const chunk of writePdf({ ...source, note: (text) => notes.push(text) }, room, maxRows)) chunks.push(chunk);
  return { bytes: Buffer.concat(chunks), notes };
}

const typed = (columns: (Partial<TableColumn> & { name: string })[], rows: Cell[][], more: Partial<Table> = {}): Table => ({
  title: 'Test',
  columns: columns.map((column) => ({ title: column.name, kind: 'text', ...column })),
  total: rows.length,
  rows: rowsOf(rows),
  ...more,
});

const totals = (...values: Cell[]) => values.map((value) => (value === null ? null : { value, recountable: true }));

const columns60 = Array.from({ length: 60 }, (_, n) => `c${String(n)}`);

const caught = (work: Promise<unknown>) =>
  work.then(
    () => undefined,
    (error: unknown) => error,
  );

/** Line breaks are where the page has them. */
const unbroken = (pages: string[]) => pages.join('').replaceAll(/\s+/g, '');

(missing === undefined ? describe : describe.skip)(`writePdf, read back${missing === undefined ? '' : ` (skipped: ${missing})`}`, () => {
  test('has the title, all rows, the header on each page, and the number of each page', async () => {
    const rows = Array.from({ length: 120 }, (_, n) => [`row ${String(n)}`, n]);
    const { bytes } = await pdf(
      typed(
        [
          { name: 'What', total: 'count' },
          { name: 'Number', kind: 'number', total: 'sum' },
        ],
        rows,
        { totals: totals(120, 7140) },
      ),
    );
    const pages = await pdfPages(bytes);
    expect(pages.length).toBeGreaterThan(2);
    for (const [index, page] of pages.entries()) {
      expect(page).toMatch(/What +Number/);
      expect(page).toContain(`${String(index + 1)} of ${String(pages.length)}`);
      expect(page).toContain('Test');
    }
    for (const [text] of rows) expect(pages.join('\n')).toMatch(new RegExp(`^ *${String(text)} `, 'm'));
    expect(pages.at(-1)).toMatch(/7140/);
  });

  test('shows numbers, dates and money by their format codes, and totals by that of the column', async () => {
    const columns = [
      { name: 'day', kind: 'date', format: 'd mmm yyyy' },
      { name: 'nok', kind: 'number', format: '[$kr-414] #,##0.00', total: 'sum' },
      { name: 'eur', kind: 'number', format: '[$€-407] #,##0.00', total: 'average' },
      { name: 'long', kind: 'number', format: '#,##0.00', total: 'sum' },
      { name: 'share', kind: 'number', format: '0.0%' },
    ] as const;
    const rows = [
      ['2026-01-31', 1234.5, 0.1, '12345678901234567890.12', 0.256],
      ['1850-06-01', 2, 0.2, '0.02', null],
    ];
    const below = totals(null, 1236.5, 0.15, '12345678901234567890.14', null);
    const [page = ''] = await pdfPages((await pdf(typed([...columns], rows, { totals: below }))).bytes);
    for (const text of [
      '31 Jan 2026',
      '1850-06-01',
      'kr 1 234,50',
      '€ 0,10',
      '12345678901234567890.12',
      '25.6%',
      'kr 1 236,50',
      '€ 0,15',
      'Average',
    ])
      expect(page.replaceAll('\u00a0', ' ')).toContain(text);
    expect(page).toContain('12345678901234567890.14');
  });

  test('keeps each character that a font has, of generated tables', async () => {
    const cell = fc
      .array(fc.constantFrom(...Array.from('aZ09 .,-ßŁőΩжЯ€½“–ქაԱ→✓')), { minLength: 1, maxLength: 40 })
      .map((letters) => letters.join('').trim());
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(cell, { minLength: 3, maxLength: 3 }), { minLength: 1, maxLength: 12 }), async (rows) => {
        const { bytes, notes } = await pdf(table(['one', 'two', 'three'], rows));
        expect(notes).toEqual([]);
        const text = unbroken(await pdfPages(bytes, { layout: false }));
        for (const value of rows.flat()) expect(text).toContain(value.replaceAll(/\s+/g, ''));
      }),
      { numRuns: 5 },
    );
  }, 60_000);

  test('orders text from right to left for readers', async () => {
    const [page = ''] = await pdfPages((await pdf(table(['a', 'b'], [['שלום עולם (טוב) 12', 'plain']]))).bytes);
    // Poppler has its own view of the brackets.
    expect(page.replaceAll(/[\u200e\u200f\u202a-\u202e]/g, '')).toMatch(/12 .*שלום עולם.*טוב.* plain/);
  });

  test.each<[string, Table, string]>([
    ['no rows', table(['a'], []), 'No rows'],
    ['a title of reserved characters', table(['a'], [['x']], '<&>"\'/\\?*:|{}[]()%#`~$^'), '<&>"\'/\\?*:|{}[]()%#`~$^'],
    ['a cell of 10,000 characters', table(['a', 'b'], [['word '.repeat(1_999) + 'fin-de', 'y']]), 'fin-de'],
    ['a word of 2,000 letters', table(['a'], [['x'.repeat(2_000) + 'END']]), 'END'],
    ['lines in a cell', table(['a'], [['one\r\ntwo\u2028three\tfour']]), 'three'],
    ['60 narrow columns', { ...table(columns60, [columns60.map((_, n) => n % 10)]), page: { size: 'A3' } }, 'c59'],
  ])('can show %s', async (_, source, expected) => {
    const { bytes, notes } = await pdf(source);
    expect(notes).toEqual([]);
    expect((await pdfPages(bytes)).join('\n').replaceAll(/\n\s*/g, expected === 'END' ? '' : '\n')).toContain(expected);
  });
});

describe('writePdf', () => {
  test('says on the document and in the result what no font has, instead of leaving it out', async () => {
    const { bytes, notes } = await pdf(table(['a'], [['x\u0000y 日本 日 \ud800']]));
    expect(notes).toEqual(['5 characters could not be shown, as no font has them: U+0000, U+65E5, U+672C, U+D800.']);
    expect(bytes.length).toBeGreaterThan(1_000);
  });

  test('refuses more columns than a page has room for, and says how much that is', async () => {
    const wide = table(columns60, [columns60.map((name) => `wordy-${name}`)]);
    expect(await caught(pdf(wide))).toMatchObject({
      code: 'report_too_large',
      message: expect.stringMatching(/60 columns need \d+ points .* a page has 756/),
    });
  });

  test('refuses more rows than it may have, counted or not', async () => {
    const rows = Array.from({ length: 11 }, (_, n) => [n]);
    for (const total of [11, null])
      expect(await caught(pdf({ ...table(['a'], rows), total }, { maxRows: 10 }))).toMatchObject({
        code: 'report_too_large',
        message: expect.stringContaining('10 rows'),
      });
  });

  test('refuses what would not fit into the memory of its thread, before that is full, and goes on with the next report', async () => {
    const long = {
      ...table(
        ['a'],
        Array.from({ length: 500 }, () => ['word '.repeat(10_000)]),
      ),
      total: 500,
    };
    const many = table(
      columns60.slice(0, 50),
      Array.from({ length: 10_000 }, () => columns60.slice(0, 50).map((_, n) => n)),
    );
    for (const source of [long, many])
      expect(await caught(pdf(source, { maxRows: 50_000 }))).toMatchObject({
        code: 'report_too_large',
        message: expect.stringContaining('512 MiB'),
      });
    expect((await pdf(table(['a'], [[1]]))).bytes.toString('latin1', 0, 5)).toBe('%PDF-');
  });

  test('ends a drawing that takes too long', async () => {
    const hasty = createDrawingRoom({ threads: 1, memoryMb: 512, seconds: 0.001 });
    try {
      const source = table(
        ['a'],
        Array.from({ length: 2_000 }, (_, n) => [n]),
      );
      expect(await caught(all(writePdf(source, hasty, 2_000)))).toMatchObject({
        code: 'report_too_large',
        message: expect.stringContaining('seconds'),
      });
    } finally {
      await hasty.close();
    }
  }, 60_000);

  test('gives the same bytes for the same table', async () => {
    const source = () =>
      typed(
        [{ name: 'x' }, { name: 'y', kind: 'number' }],
        [
          ['Ω', 1],
          ['😀', 2],
        ],
        { charts: [{ type: 'bar', x: 'x', y: ['y'], title: 'Some' }] },
      );
    expect((await pdf(source())).bytes.equals((await pdf(source())).bytes)).toBe(true);
  });

  test('an abort ends it, and the next report is made', async () => {
    const source = endlessTable();
    const stop = new AbortController();
    const reason = new Error('Cancelled');
    const failing = caught(pdf({ ...source, signal: stop.signal }, { maxRows: Infinity }));
    stop.abort(reason);
    expect(await failing).toBe(reason);
    expect((await pdf(table(['a'], [[1]]))).bytes.toString('latin1', 0, 5)).toBe('%PDF-');
  });

  test('an error of the rows comes through', async () => {
    const error = new Error('Broken');
    async function* broken(): AsyncGenerator<Cell[]> {
      yield await Promise.resolve([1]);
      throw error;
    }
    expect(await caught(pdf({ title: 'x', columns: columnsOf(['a']), total: null, rows: broken() }))).toBe(error);
  });

  test('a logo that is no picture is an error', async () => {
    expect(await caught(pdf({ ...table(['a'], [[1]]), logo: Buffer.from('\u0089PNG no') }))).toMatchObject({ code: 'source_unreadable' });
  });
});
