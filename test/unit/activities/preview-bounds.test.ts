import { describe, expect, test } from '@jest/globals';

import type { TableColumn } from '../../../src/jobs/report-columns.ts';
import { boundedPreview } from '../../../activities/preview-bounds.ts';
import type { Cell } from '../../../src/jobs/report-sources.ts';

const column = (name: string, more: Partial<TableColumn> = {}): TableColumn => ({ name, title: name, kind: 'text', ...more });
const rowsOf = (count: number, cells: Cell[]) => Array.from({ length: count }, () => cells);

describe('a preview', () => {
  test('shows a hundred rows and says that there are more', () => {
    const columns = [column('site', { title: 'Site', type: 'link' }), column('n', { kind: 'number' })];
    expect(boundedPreview(columns, rowsOf(100, ['a', 1]))).toMatchObject({ rows: rowsOf(100, ['a', 1]), more: false });
    const shown = boundedPreview(columns, rowsOf(101, ['a']));
    expect(shown).toEqual({
      columns: [{ name: 'site', title: 'Site', type: 'link' }, { name: 'n', title: 'n', type: 'number' }], // prettier-ignore
      ...{ rows: rowsOf(100, ['a', null]), more: true, columnsLeftOut: 0, cut: [] },
    });
  });

  test('names each text of which it shows only the beginning', () => {
    const shown = boundedPreview(
      [column('a'), column('b')],
      [
        ['x', 'y'.repeat(1_001)],
        ['x'.repeat(999) + '🦌', ''],
      ],
    );
    expect(shown.cut).toEqual([[0, 1], [1, 0]]); // prettier-ignore
    expect(shown.rows).toEqual([
      ['x', 'y'.repeat(1_000)],
      ['x'.repeat(999), ''],
    ]);
  });

  test.each<[string, TableColumn[], Cell[][]]>([
    ['long texts', [column('a'), column('b')], rowsOf(101, ['ü'.repeat(2_000_000), 'x'])],
    [
      'many columns',
      Array.from({ length: 16_385 }, (_, i) => column(`c${String(i)}`)),
      rowsOf(101, Array<Cell>(16_385).fill('x'.repeat(50))),
    ],
    [
      'many columns of control characters',
      Array.from({ length: 400 }, (_, i) => column(`c${String(i)}`)),
      rowsOf(2, Array<Cell>(400).fill('\u0001'.repeat(5_000))),
    ],
    ['a long name', [column('x'.repeat(20_000)), column('b')], rowsOf(2, ['x', 'y'])],
  ])('has room in a payload, and hides nothing, with %s', (_name, columns, rows) => {
    const shown = boundedPreview(columns, rows);
    expect(Buffer.byteLength(JSON.stringify(shown))).toBeLessThan(60_000);
    expect(shown.columnsLeftOut).toBe(columns.length - shown.columns.length);
    expect(shown.more).toBe(shown.rows.length < rows.length);
    for (const [number, row] of shown.rows.entries())
      for (const [index, cell] of row.entries())
        expect(cell === rows[number]?.[index]).toBe(!shown.cut.some(([y, x]) => y === number && x === index));
    expect(shown.rows.length).toBeGreaterThan(0);
  });
});
