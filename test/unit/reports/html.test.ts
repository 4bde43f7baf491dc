import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';

import type { Table } from '../../../activities/report-table.ts';
import type { TableColumn } from '../../../src/jobs/report-columns.ts';
import { writeHtml } from '../../../src/reports/html.ts';
import { hostileTable } from './hostile.ts';
import { bytesOf, endlessTable, rowsOf, table } from './tables.ts';

const page = async (input: Table, options?: Parameters<typeof writeHtml>[1]) => (await bytesOf(writeHtml(input, options))).toString();
const unescaped = (html: string) =>
  html.replace(/&(amp|lt|gt|quot|#39);/g, (_, name: string) => ({ amp: '&', lt: '<', gt: '>', quot: '"', '#39': "'" })[name] ?? '');
/** As the page has it for what no document may hold. */
// eslint-disable-next-line no-control-regex -- the control characters are the point
const shown = (text: string) => text.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\ud800-\udfff\ufffe\uffff]/gu, '\ufffd');
const bodyOf = (html: string) =>
  [...html.matchAll(/<tr>(.*?)<\/tr>/gs)].map(([, row]) =>
    [...(row ?? '').matchAll(/<t[dh][^>]*>([^<]*)<\/t[dh]>/g)].map(([, cell]) => unescaped(cell ?? '')),
  );

describe('writeHtml', () => {
  test('has a table with caption and header, without scripts and without anything from elsewhere', async () => {
    const html = await page(table(['City', 'Sum'], [['Oslo', 12.5]], 'Sales <Q1>'));
    expect(html).toContain('<caption dir="auto">Sales &lt;Q1&gt;</caption>');
    expect(html).toContain('<thead><tr><th scope="col" dir="auto">City</th><th scope="col" dir="auto">Sum</th></tr></thead>');
    expect(html).toContain('<tr><td dir="auto">Oslo</td><td>12.5</td></tr>');
    expect(html).toContain("default-src 'none'");
    expect(html).not.toMatch(/<script|<link|src=|url\(|@import/i);
  });

  test('shows numbers and dates by their formats, in the language that is asked for, with totals below', async () => {
    const columns: TableColumn[] = [
      { name: 'sum', title: 'Sum', kind: 'number', format: '#,##0.00', total: 'sum' },
      { name: 'day', title: 'Day', kind: 'date', format: 'd mmmm yyyy' },
      { name: 'big', title: 'Big', kind: 'number', format: '#,##0', total: 'count' },
    ];
    const totals = [{ value: 1234.5, recountable: true }, null, { value: 1, recountable: true }];
    const input = () => ({ title: 'T', columns, total: 1, rows: rowsOf([[1234.5, '2026-03-01', '12345678901234567890']]), totals });
    expect(bodyOf(await page(input(), { locale: 'de' }))).toEqual([
      ['Sum', 'Day', 'Big'],
      ['1.234,50', '1 März 2026', '12345678901234567890'],
      ['1.234,50', '', '1'],
    ]);
    expect(bodyOf(await page(input()))[1]).toEqual(['1,234.50', '1 March 2026', '12345678901234567890']);
    expect(await page(input())).toContain('<td class="r">1,234.50</td>');
  });

  test('makes links of web and mail addresses only', async () => {
    const columns: TableColumn[] = [{ name: 'a', title: 'a', kind: 'text', type: 'link' }];
    const links = [
      'https://example.com/?a=1&b="2',
      'mailto:ada@example.com',
      'javascript:alert(1)',
      ' javascript:alert(1)',
      'data:text/html,x',
      'file:///etc',
    ];
    const html = await page({ title: 'T', columns, total: null, rows: rowsOf(links.map((link) => [link])) });
    expect([...html.matchAll(/href="([^"]*)"/g)].map(([, href]) => href)).toEqual([
      'https://example.com/?a=1&amp;b=%222',
      'mailto:ada@example.com',
    ]);
  });

  test('gives every value back as text, and no element comes from the data', async () => {
    await fc.assert(
      fc.asyncProperty(hostileTable, async ({ title, columns, rows }) => {
        const html = await page(table(columns, rows, title));
        const expected = [columns, ...rows].map((row) => columns.map((_, index) => shown(String(row[index] ?? ''))));
        expect(bodyOf(html)).toEqual(expected);
        expect(html.match(/<(?!\/)[a-z!]+/gi)?.length).toBe(
          (
            await page(
              table(
                columns.map(() => 'x'),
                rows.map(() => []),
                'x',
              ),
            )
          ).match(/<(?!\/)[a-z!]+/gi)?.length,
        );
      }),
      { numRuns: 60 },
    );
  });

  test('puts charts above the table', async () => {
    expect(await page(table(['a'], []), { charts: ['<svg></svg>'] })).toMatch(/<figure><svg><\/svg><\/figure>\n<div class="wide">/);
  });

  test('closes the rows when the reader leaves early', async () => {
    const endless = endlessTable();
    for await (const chunk of writeHtml(endless)) if (chunk.length > 0) break;
    expect(endless.closed()).toBe(true);
  });
});
