import { Readable } from 'node:stream';

import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';

import { AppError } from '../../../src/errors.ts';
import type { Cell } from '../../../src/jobs/report.ts';
import { writeCsv, writeCsvList } from '../../../src/reports/csv.ts';
import { readCsv, readNdjson } from '../../../src/reports/source.ts';
import { hostileTable, hostileText } from './hostile.ts';
import { all, bytesOf, table, streamOf } from './tables.ts';

async function csv(content: string | Uint8Array, options: { numbers?: boolean; chunk?: number } = {}) {
  const { columns, rows } = await readCsv(streamOf(content, options.chunk), { numbers: options.numbers ?? false });
  return { columns, rows: await all(rows) };
}

function unreadable(message: string) {
  return expect.objectContaining({ name: 'AppError', code: 'source_unreadable', retryable: false, message }) as unknown;
}

describe('readCsv', () => {
  test.each([
    ['LF', 'a,b\n1,x\n2,y\n'],
    ['CRLF', 'a,b\r\n1,x\r\n2,y\r\n'],
    ['both', 'a,b\r\n1,x\n2,y\r\n'],
    ['no end of the last line', 'a,b\n1,x\n2,y'],
    ['a byte order mark', '\ufeffa,b\n1,x\n2,y\n'],
    ['quotes', '"a","b"\n"1","x"\n"2","y"\n'],
  ])('reads columns and rows with %s', async (_, content) => {
    const read = { columns: ['a', 'b'], rows: [['1', 'x'], ['2', 'y']] }; // prettier-ignore
    expect(await csv(content)).toEqual(read);
    expect(await csv(content, { chunk: 1 })).toEqual(read);
  });

  test('takes separators, line breaks and doubled quotes within quotes as text, and an empty field for nothing', async () => {
    expect((await csv('a,b\n"x,""y""\r\n",\n"",z\n')).rows).toEqual([['x,"y"\r\n', null], [null, 'z']]); // prettier-ignore
  });

  test.each<[string, Cell]>([
    ['0', 0],
    ['12', 12],
    ['-12.5', -12.5],
    ['0.1', 0.1],
    ['123456789012345', 123_456_789_012_345],
    ['0.000123456789012345', 0.000123456789012345],
    ['1234567890123456', '1234567890123456'],
    ['007', '007'],
    ['+5', '+5'],
    ['1e5', '1e5'],
    ['.5', '.5'],
    ['5.', '5.'],
    [' 5', ' 5'],
    ['1,5', '1,5'],
    [`0.${'0'.repeat(400)}1`, `0.${'0'.repeat(400)}1`],
    ['NaN', 'NaN'],
    ['true', 'true'],
  ])('reads %j as %p when numbers are wanted, and as text when not', async (text, value) => {
    const content = `a,b\n"${text}",\n`;
    expect((await csv(content, { numbers: true })).rows).toEqual([[value, null]]);
    expect((await csv(content)).rows).toEqual([[text, null]]);
  });

  test.each([
    ['nothing at all', '', 'The file is empty: its first line must name the columns.'],
    ['only a byte order mark', '\ufeff', 'The file is empty: its first line must name the columns.'],
    ['a header alone', 'a,b\r\n', 'There are no rows after the first line, which names the columns.'],
    ['a column without a name', 'a,,c\n1,2,3\n', 'Line 1: column 2 has no name.'],
    ['an empty first line', '\na,b\n', 'Line 1: column 1 has no name.'],
    ['a name given twice', 'a,b,a\n1,2,3\n', 'Line 1: two columns are named "a".'],
    ['too few fields', 'a,b\n1,2\n3\n', 'The row that begins in line 3 has 1 field, unlike the first line.'],
    ['too many fields', 'a,b\n1,2,3\n', 'The row that begins in line 2 has 3 fields, unlike the first line.'],
    ['an empty line', 'a,b\n1,2\n\n3,4\n', 'Line 3 is empty.'],
    [
      'line breaks within quotes before the bad row',
      'a,b\r\n"x\r\ny","\nz"\r\n1\r\n',
      'The row that begins in line 5 has 1 field, unlike the first line.',
    ],
    ['a quote that is never closed', 'a,b\n1,2\n"3,4\n5,6\n', 'The row that begins in line 3 has a quote that is never closed.'],
    [
      'a quote within an unquoted field',
      'a,b\n1,2"\n',
      'The row that begins in line 2 has a quote in the wrong place: a field with quotes is quoted as a whole, and its own quotes are doubled.',
    ],
    [
      'text after a closing quote',
      'a,b\n"1"x,2\n',
      'The row that begins in line 2 has a quote in the wrong place: a field with quotes is quoted as a whole, and its own quotes are doubled.',
    ],
  ])('refuses %s', async (_, content, message) => {
    await expect(csv(content)).rejects.toEqual(unreadable(message));
    await expect(csv(content, { chunk: 1 })).rejects.toEqual(unreadable(message));
  });

  test.each([
    ['Latin-1', Buffer.from('a,b\n1,2\ncaf\u00e9,3\n', 'latin1'), 3],
    ['UTF-16', Buffer.from('\ufeffa,b\n1,2\n', 'utf16le'), 1],
    ['a character cut off at the end', Buffer.from('a,b\n1,😀').subarray(0, -1), 2],
    ['an encoded surrogate', Buffer.from([0x61, 0x0a, 0xed, 0xa0, 0x80, 0x0a]), 2],
    ['a stray byte', Buffer.from([0x61, 0x0a, 0x62, 0x0a, 0x80, 0x0a, 0x63]), 3],
  ])('refuses %s instead of guessing', async (_, bytes, line) => {
    const error = unreadable(`Line ${String(line)} is not valid UTF-8. Save the file as UTF-8 and send it again.`);
    await expect(csv(bytes)).rejects.toEqual(error);
    await expect(csv(bytes, { chunk: 1 })).rejects.toEqual(error);
  });

  test('gives up on a row beyond the limit instead of filling the memory', async () => {
    const endless = Readable.from((function* () { yield 'a\n"'; for (;;) yield 'x'.repeat(65_536); })(), { objectMode: false }); // prettier-ignore
    await expect(readCsv(endless, { maxRowSize: 1 })).rejects.toEqual(
      unreadable('The row that begins in line 2 is longer than 1 MiB; a closing quote may be missing.'),
    );
    expect(endless.destroyed).toBe(true);
  });

  test('shows an error of a later row while the rows are read', async () => {
    const content = `a,b\n${'1,2\n'.repeat(50_000)}3\n`;
    const { rows } = await readCsv(streamOf(content));
    await expect(all(rows)).rejects.toEqual(unreadable('The row that begins in line 50002 has 1 field, unlike the first line.'));
  });

  test.each([new Error('disk'), undefined])('passes on that the bytes ended too early (%p)', async (error) => {
    const bytes = new Readable({ read: () => undefined });
    bytes.push('a,b\n1,2\n3,4\n');
    const { rows } = await readCsv(bytes);
    const reading = all(rows);
    bytes.destroy(error);
    await expect(reading).rejects.toMatchObject(error === undefined ? { code: 'ERR_STREAM_PREMATURE_CLOSE' } : { message: 'disk' });
  });

  test('closes the bytes when the reader leaves early, and when the header is refused', async () => {
    const bytes = streamOf(`a,b\n${'1,2\n'.repeat(100_000)}`);
    for await (const row of (await readCsv(bytes)).rows) if (row.length > 0) break;
    expect(bytes.destroyed).toBe(true);
    const refused = streamOf(`a,a\n${'1,2\n'.repeat(100_000)}`);
    await expect(readCsv(refused)).rejects.toThrow(AppError);
    expect(refused.destroyed).toBe(true);
  });

  test('gives back what writeCsv wrote, and writes the same bytes again', async () => {
    const ordinary = hostileTable.filter(
      ({ columns, rows }) =>
        rows.length > 0 && columns.every((name) => name.trim() !== '') && new Set(columns.map(wellFormed)).size === columns.length,
    );
    await fc.assert(
      fc.asyncProperty(ordinary, fc.integer({ min: 1, max: 64 }), async ({ title, columns, rows }, chunk) => {
        const bytes = await bytesOf(writeCsv(table(columns, rows, title)));
        const read = await readCsv(streamOf(bytes, chunk));
        expect(await bytesOf(writeCsvList(read))).toEqual(bytes);
      }),
      { numRuns: 200 },
    );
  });
});

describe('readNdjson', () => {
  test('gives every row back that JSON can hold', async () => {
    const cell = fc.oneof(hostileText, fc.double({ noNaN: true, noDefaultInfinity: true }).map((n) => (n === 0 ? 0 : n)), fc.boolean(), fc.constant(null)); // prettier-ignore
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(cell)), fc.integer({ min: 1, max: 50 }), async (rows, chunk) => {
        const lines = rows.map((row) => `${JSON.stringify(row)}\n`).join('');
        expect(await all(readNdjson(streamOf(lines, chunk)))).toEqual(rows);
      }),
    );
  });

  test('takes a last line without an end', async () => {
    expect(await all(readNdjson(streamOf('[1]\n[2]')))).toEqual([[1], [2]]);
  });

  test.each([
    ['[1]\n{"a":1}\n', 'Line 2 is not an array.'],
    ['[1]\n[2\n', 'Line 2 is not JSON.'],
    ['[1]\n\n', 'Line 2 is not JSON.'],
  ])('refuses %j', async (content, message) => {
    await expect(all(readNdjson(streamOf(content)))).rejects.toEqual(unreadable(message));
  });

  test('closes the bytes when the reader leaves early', async () => {
    const bytes = streamOf('[1]\n'.repeat(100_000));
    for await (const row of readNdjson(bytes)) if (row.length > 0) break;
    expect(bytes.destroyed).toBe(true);
  });
});

function wellFormed(text: string): string {
  return Buffer.from(text).toString();
}
