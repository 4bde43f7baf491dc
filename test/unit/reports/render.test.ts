import { describe, expect, test } from '@jest/globals';

import type { Cell } from '../../../src/jobs/report.ts';
import { createDrawingRoom } from '../../../src/reports/drawing-room.ts';
import { createRenderTable } from '../../../src/reports/render.ts';
import { bytesOf, table } from './tables.ts';

const formats = ['csv', 'xlsx', 'json', 'ndjson'] as const;

function* manyRows(count: number): Generator<Cell[]> {
  for (let n = 0; n < count; n++) yield [n, `Customer ${String(n)}`, n * 1.25, n % 2 === 0, null, `note <${String(n)}> & more`];
}

const renderTable = createRenderTable(createDrawingRoom({ threads: 1, memoryMb: 256 }), { pdfMaxRows: 1_000 });

describe('renderTable', () => {
  test('renders each format', async () => {
    const start = async (format: (typeof formats)[number]) =>
      (await bytesOf(renderTable({ format }, table(['a'], [[1]])))).toString('latin1', 0, 4);
    expect(await start('csv')).toBe('a\r\n1');
    expect(await start('json')).toBe('[\n{"');
    expect(await start('ndjson')).toBe('{"a"');
    expect(await start('xlsx')).toBe('PK\u0003\u0004');
  });

  test.each(formats)('needs no more memory for many rows of %s', async (format) => {
    const before = process.memoryUsage().rss;
    let most = before;
    let size = 0;
    for await (const chunk of renderTable({ format }, table(['id', 'name', 'sum', 'even', 'none', 'note'], manyRows(200_000)))) {
      size += chunk.length;
      most = Math.max(most, process.memoryUsage.rss());
    }
    expect(size).toBeGreaterThan(1_000_000);
    expect((most - before) / 1024 / 1024).toBeLessThan(100);
  });
});
