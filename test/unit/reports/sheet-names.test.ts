import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';

import { sheetNamer } from '../../../src/reports/sheet-names.ts';
import { hostileText } from './hostile.ts';

describe('sheetNamer', () => {
  test.each([
    ['Sales', 'Sales'],
    ['a:b\\c/d?e*f[g]h', 'a b c d e f g h'],
    ["'quoted'", 'quoted'],
    ['[]', 'Sheet'],
    ['', 'Sheet'],
    ['history', 'History_'],
    ['_x000d+4.2e3_x0041_"', '-x000d+4.2e3-x0041_"'],
    ['_x000d_x000dtrue', '-x000d-x000dtrue'],
    ['_x000d__x0041_', '-x000d_-x0041_'],
    ['x'.repeat(40), 'x'.repeat(31)],
    [`${'x'.repeat(30)}😀`, 'x'.repeat(30)],
    [`${'x'.repeat(30)} y`, 'x'.repeat(30)],
  ])('names the sheet of %j %j', (title, name) => {
    expect(sheetNamer(title)()).toBe(name);
  });

  test('numbers the sheets that follow, within the limit', () => {
    const next = sheetNamer('x'.repeat(31));
    expect([next(), next()]).toEqual(['x'.repeat(31), `${'x'.repeat(27)} (2)`]);
  });

  test('gives no name twice when the title looks like a numbered one', () => {
    const next = sheetNamer(`${'x'.repeat(27)} (2)`);
    expect([next(), next()]).toEqual([`${'x'.repeat(27)} (2)`, `${'x'.repeat(27)} (3)`]);
  });

  test('follows the rules of Excel for any title', () => {
    fc.assert(
      fc.property(fc.oneof(hostileText, fc.string({ minLength: 25, maxLength: 40 })), (title) => {
        const next = sheetNamer(title);
        const names = Array.from({ length: 12 }, () => next());
        for (const name of names) expect(name).toMatch(/^(?!')(?!history$)[^:\\/?*[\]]{1,31}(?<!')$/i);
        expect(new Set(names.map((name) => name.toLowerCase())).size).toBe(names.length);
      }),
    );
  });
});
