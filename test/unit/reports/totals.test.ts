import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';

import type { Cell } from '../../../src/jobs/report.ts';
import type { ColumnTotal } from '../../../src/jobs/report-columns.ts';
import { totalsOf } from '../../../src/reports/totals.ts';

function total(kind: ColumnTotal, cells: Cell[]): Cell {
  const totals = totalsOf([{ total: kind }]);
  for (const cell of cells) totals.add([cell]);
  return totals.cells()[0] ?? null;
}

describe('totals', () => {
  test('a sum is that of the decimals, not of doubles', () => {
    expect(total('sum', [0.1, 0.2])).toBe(0.3);
    expect(
      total(
        'sum',
        Array.from({ length: 10_000 }, () => 0.07),
      ),
    ).toBe(700);
    expect(total('sum', ['0.1', 1e-7, null, -2])).toBe(-1.8999999);
    expect(total('sum', [1e21, -1])).toBe('999999999999999999999');
    expect(total('sum', ['12345678901234567890.12', '0.02'])).toBe('12345678901234567890.14');
  });

  test('a sum of generated cents is that of whole cents', () => {
    fc.assert(
      fc.property(fc.array(fc.maxSafeInteger(), { maxLength: 40 }), (cents) => {
        const cells = cents.map(
          (cent) =>
            `${cent < 0 ? '-' : ''}${String(Math.abs(cent))
              .padStart(3, '0')
              .replace(/(\d\d)$/, '.$1')}`,
        );
        const sum = cents.reduce((all, cent) => all + BigInt(cent), 0n);
        const [whole = '', fraction = ''] = String(total('sum', cells) ?? 0).split('.');
        expect(BigInt(whole + fraction.padEnd(2, '0'))).toBe(sum);
      }),
      { numRuns: 50 },
    );
  });

  test('counts what is there, and finds the smallest and the largest by value or by date', () => {
    expect(total('count', [1, null, 'x', false])).toBe(3);
    expect(total('average', [1, 2, null, 4.5])).toBe(2.5);
    expect(total('min', [10, 9, '100', null])).toBe(9);
    expect(total('max', [10, 9, '100'])).toBe('100');
    expect(total('min', ['2026-03-01', '2025-12-31'])).toBe('2025-12-31');
  });

  test('without a value there is no total', () => {
    expect(total('sum', [null])).toBeNull();
    expect(total('average', [])).toBeNull();
    expect(total('max', [null])).toBeNull();
    expect(total('count', [])).toBe(0);
  });
});
