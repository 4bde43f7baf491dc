import fc from 'fast-check';

import type { Cell } from '../../../src/jobs/report.ts';

const nasty = fc.constantFrom(
  ...[
    '"',
    '""',
    ',',
    ';',
    '\n',
    '\r',
    '\r\n',
    '\t',
    ' ',
    "'",
    '=',
    '+',
    '-',
    '@',
    '\u0000',
    '\u0001',
    '\u000b',
    '\u001f',
    '\u007f',
    '\u0085',
  ],
  ...[
    '\u2028',
    '\ufeff',
    '\ufffe',
    '\uffff',
    '\ud83d',
    '\ude00',
    '😀',
    '＝',
    '&',
    '<',
    '>',
    ']]>',
    '_x0041_',
    '_x000d',
    '_',
    'x005F',
    '_x',
  ],
  ...['1', '-5', '+4.2e3', '007', 'é', 'e\u0301', '漢', '__proto__', 'null', 'true'],
);

export const hostileText = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.array(nasty, { maxLength: 6 }).map((parts) => parts.join('')),
);

/** As from JSON: -0 is 0 in every format. */
const number = fc.oneof(fc.integer(), fc.double({ noNaN: true, noDefaultInfinity: true })).map((value) => (value === 0 ? 0 : value));

const cell: fc.Arbitrary<Cell> = fc.oneof(hostileText, number, fc.boolean(), fc.constant(null));

export interface HostileTable {
  title: string;
  columns: string[];
  rows: Cell[][];
}

export const hostileTable: fc.Arbitrary<HostileTable> = fc
  .uniqueArray(
    hostileText.filter((name) => name !== ''),
    { minLength: 1, maxLength: 5 },
  )
  .chain((columns) =>
    fc.record({
      title: hostileText,
      columns: fc.constant(columns),
      rows: fc.array(fc.array(cell, { maxLength: columns.length }), { maxLength: 8 }),
    }),
  );
