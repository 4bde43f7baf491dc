import { describe, expect, test } from '@jest/globals';

import { rowXml } from '../../../src/reports/xlsx-cells.ts';
import { columnLetters, sheetColumns } from '../../../src/reports/xlsx-columns.ts';
import { styleTable } from '../../../src/reports/xlsx-styles.ts';
import { escapeText } from '../../../src/reports/xlsx-text.ts';
import { columnsOf } from './tables.ts';

const columns = (count: number) => sheetColumns(columnsOf(Array<string>(count).fill('c')), styleTable(), false);
const unlinked = () => false;

describe('escapeText', () => {
  test.each([
    ['<b>&"', '&lt;b&gt;&amp;&quot;'],
    ['a\tb\nc', 'a\tb\nc'],
    ['a\r\n', 'a_x000D_\n'],
    ['\u0000\u000b\u001f', '_x0000__x000B__x001F_'],
    ['\ufffe\uffff', '_xFFFE__xFFFF_'],
    ['😀', '😀'],
    ['\ude00\ud83d', '_xDE00__xD83D_'],
    ['_x0041_x0042_', '_x005F_x0041_x005F_x0042_'],
    ['_x0041\u0001', '_x005F_x0041_x0001_'],
    ['snake_case _x', 'snake_case _x'],
  ])('writes %j as %j', (text, xml) => {
    expect(escapeText(text)).toBe(xml);
  });
});

describe('rowXml', () => {
  test('gives the row and each cell its reference and type, and leaves empty cells out', () => {
    expect(rowXml(['x', null, 1.5, true], 7, columns(4), unlinked)).toBe(
      '<row r="7"><c r="A7" t="inlineStr"><is><t>x</t></is></c><c r="C7"><v>1.5</v></c><c r="D7" t="b"><v>1</v></c></row>',
    );
  });

  test.each([' x', 'x ', '\nx', 'x\t', ' '])('tells the reader to keep the white space around %j', (text) => {
    expect(rowXml([text], 1, columns(1), unlinked)).toContain(`<t xml:space="preserve">${text}</t>`);
  });
});

describe('columnLetters', () => {
  test('counts from A to XFD', () => {
    const letters = columnLetters(16_384);
    expect([0, 25, 26, 51, 52, 701, 702, 16_383].map((index) => letters[index])).toEqual(['A', 'Z', 'AA', 'AZ', 'BA', 'ZZ', 'AAA', 'XFD']);
  });
});
