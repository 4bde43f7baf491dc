import { afterAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';

import type { Table } from '../../../activities/report-table.ts';
import type { ReportChart } from '../../../src/jobs/report-charts.ts';
import type { TableColumn } from '../../../src/jobs/report-columns.ts';
import { createDrawingRoom } from '../../../src/reports/drawing-room.ts';
import { type HtmlOptions, writeHtml } from '../../../src/reports/html.ts';
import { hostileTable } from './hostile.ts';
import { bytesOf, columnsOf, endlessTable, rowsOf, table } from './tables.ts';

const room = createDrawingRoom({ threads: 1, memoryMb: 256 });
afterAll(async () => {
  await room.close();
});

const page = async (input: Table, options?: HtmlOptions) => (await bytesOf(writeHtml(input, room, options))).toString();
const unescaped = (html: string) =>
  html.replace(/&(amp|lt|gt|quot|#39);/g, (_, name: string) => ({ amp: '&', lt: '<', gt: '>', quot: '"', '#39': "'" })[name] ?? '');
/** As the page has it for what no document may hold. */
// eslint-disable-next-line no-control-regex -- the control characters are the point
const shown = (text: string) => text.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\ud800-\udfff\ufffe\uffff]/gu, '\ufffd');
const bodyOf = (html: string) =>
  [...html.matchAll(/<tr>(.*?)<\/tr>/gs)].map(([, row]) =>
    [...(row ?? '').matchAll(/<t[dh][^>]*>([^<]*)<\/t[dh]>/g)].map(([, cell]) => unescaped(cell ?? '')),
  );

/** Of well-formed XML: each in its place, attributes within quotes, entities that there are. */
function elementsOf(xml: string): string[] {
  const open: string[] = [];
  const text = String.raw`(?:[^<>&"]|&(?:amp|lt|gt|quot|#39);)*`;
  const token = new RegExp(String.raw`<(/?)([\w-]+)((?:\s+[\w:-]+="${text}")*)\s*(/?)>|${text}`, 'y');
  const all: string[] = [];
  while (token.lastIndex < xml.length) {
    const [found = '', end, name = '', , alone] = token.exec(xml) ?? [];
    if (found === '') throw new Error(`Not well-formed at character ${String(token.lastIndex)}`);
    if (end === '/' && open.pop() !== name) throw new Error(`${name} is closed where it is not open`);
    if (end !== '' || name === '') continue;
    all.push(name);
    if (alone === '') open.push(name);
  }
  if (open.length > 0) throw new Error('The end is missing');
  return all;
}

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
      ['1.234,50', 'Total', 'Count: 1'],
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

  test('draws charts after the last row, with a name, and as lifeless as the table', async () => {
    const hostile = ['</svg><script>alert(1)</script>', '<img src=x onerror=alert(1)>', ']]>', '"zr0-c0"', 'a&b\u0000', 'שלום (a)'];
    const title = '</title></svg><script>alert(2)</script>';
    const columns = columnsOf(['x"onload="', 'y<b>']);
    const charts: ReportChart[] = [
      { type: 'bar', title, x: 'x"onload="', y: ['y<b>'] },
      { type: 'pie', x: 'x"onload="', y: ['y<b>'] },
    ];
    const html = await page({ title: 'T', columns, total: null, rows: rowsOf(hostile.map((text, index) => [text, index + 1])), charts });
    const drawn = ['svg', 'title', 'rect', 'path', 'polyline', 'text'];
    const pictures = [...html.matchAll(/<figure>([^]*?)<\/figure>/g)].map(([, picture = '']) => picture);
    expect(pictures).toHaveLength(2);
    for (const picture of pictures) {
      expect([...new Set(elementsOf(picture))].filter((name) => !drawn.includes(name))).toEqual([]);
      expect(picture).not.toMatch(/<[^>]* on\w+=|href|url\((?!#)/i);
      expect(picture).not.toContain('\u0000');
      // Long labels end in an ellipsis.
      for (const text of hostile) expect(unescaped(picture)).toContain(shown(text).slice(0, 20));
    }
    expect(pictures[0]).toMatch(/^<svg role="img" aria-labelledby="chart1-name" [^>]*><title id="chart1-name">/);
    expect(unescaped(pictures[0] ?? '')).toContain(`<title id="chart1-name">${title}</title>`);
    expect(unescaped(pictures[1] ?? '')).toContain('<title id="chart2-name">y<b> / x"onload="</title>');
    expect(html).toMatch(/<main class="charted">\n<h1 [^]*<table aria-labelledby="title">[^]*<\/table>\n<\/div>\n<figure>/);
    expect(html).toContain("default-src 'none'");
  }, 60_000);

  test('closes the rows when the reader leaves early', async () => {
    const endless = endlessTable();
    for await (const chunk of writeHtml(endless, room)) if (chunk.length > 0) break;
    expect(endless.closed()).toBe(true);
  });
});
