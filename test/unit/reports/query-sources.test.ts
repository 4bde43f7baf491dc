import { createReadStream } from 'node:fs';
import { link, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';

import { describe, expect, test } from '@jest/globals';

import type { TableBytes } from '../../../activities/report-ports.ts';
import { type TestSource, testEngine } from './extracts.ts';
import { streamOf } from './tables.ts';

const reports = testEngine();
const rows = [[1, 'Oslo'], [2, 'Bergen']]; // prettier-ignore
const table = { columns: ['id', 'city'], nested: [false, false], kinds: ['number', 'text'], rows };
const csv = 'id,city\n1,Oslo\n2,Bergen\n';
const ndjson = '{"id":1,"city":"Oslo"}\n{"id":2,"city":"Bergen"}\n';
const utf16 = (text: string) => Buffer.from(`\ufeff${text}`, 'utf16le');

const unreadable = (message: string) => expect.objectContaining({ code: 'source_unreadable', retryable: false, message }) as unknown;

describe('a source', () => {
  test.each([true, false])('of Parquet can be read where it lies, unless it is packed: %s', async (plain) => {
    const kept = join(reports.directory(), 'kept');
    const bytes = await parquet();
    await writeFile(kept, plain ? bytes : gzipSync(bytes));
    const read: string[] = [];
    const source: TableBytes = {
      ...{ name: 's', format: 'parquet', csv: undefined },
      bytes: () => (read.push(kept), createReadStream(kept)),
      link: (path) => link(kept, path).then(() => true),
    };
    expect((await reports.read((await reports.extract([source])).bytes)).rows).toEqual(rows);
    expect(read).toEqual(plain ? [] : [kept]);
    expect(await reports.left()).toEqual(['kept']);
  });

  const parquet = async () => (await reports.extract([{ name: 's', bytes: () => streamOf(csv), format: 'csv', csv: undefined }])).bytes;

  test.each<[string, () => TestSource | Promise<TestSource>]>([
    ['CSV', () => ({ content: csv })],
    ['CSV with CRLF', () => ({ content: csv.replaceAll('\n', '\r\n') })],
    ['CSV without an end of the last line', () => ({ content: csv.trimEnd() })],
    ['CSV with semicolons', () => ({ content: csv.replaceAll(',', ';') })],
    ['CSV with tabs', () => ({ content: csv.replaceAll(',', '\t') })],
    ['CSV with bars', () => ({ content: csv.replaceAll(',', '|') })],
    ['CSV with a delimiter that is named', () => ({ content: csv.replaceAll(',', '~'), csv: { delimiter: '~' } })],
    ['CSV in UTF-8 with a mark', () => ({ content: `\ufeff${csv}` })],
    ['CSV in UTF-16', () => ({ content: utf16(csv) })],
    ['CSV in UTF-16, big end first', () => ({ content: utf16(csv).swap16() })],
    ['CSV in UTF-16 without a mark', () => ({ content: utf16(csv).subarray(2), csv: { encoding: 'utf-16le' } })],
    ['NDJSON', () => ({ content: ndjson, format: 'ndjson' })],
    ['JSON', () => ({ content: `[${ndjson.trim().replaceAll('\n', ',')}]`, format: 'json' })],
    ['JSON in lines', () => ({ content: ndjson, format: 'json' })],
    ['Parquet', async () => ({ content: await parquet(), format: 'parquet' })],
    ['CSV with gzip', () => ({ content: gzipSync(csv) })],
    ['NDJSON with gzip', () => ({ content: gzipSync(ndjson), format: 'ndjson' })],
    ['JSON with gzip', () => ({ content: gzipSync(ndjson), format: 'json' })],
    ['Parquet with gzip', async () => ({ content: gzipSync(await parquet()), format: 'parquet' })],
  ])('is read as %s', async (_, source) => {
    expect(await reports.ask({ source: await source() })).toEqual(table);
  });

  test('in Windows-1252 is read as such when that is said, and never guessed', async () => {
    const content = Buffer.concat([
      Buffer.from('name,price\ncaf'),
      Buffer.from([0xe9]),
      Buffer.from(',5 '),
      Buffer.from([0x80]),
      Buffer.from('\n'),
    ]);
    expect((await reports.ask({ source: { content, csv: { encoding: 'windows-1252' } } })).rows).toEqual([['café', '5 €']]);
    await expect(reports.ask({ source: content.length > 0 ? { content } : '' })).rejects.toEqual(
      unreadable('source: Line 2 is not valid UTF-8. Save the file as UTF-8 and send it again.'),
    );
  });

  test('without a header has columns with numbers', async () => {
    expect(await reports.ask({ source: { content: '1,Oslo\n2,Bergen\n', csv: { header: false } } })).toEqual({
      ...table,
      columns: ['column1', 'column2'],
    });
  });

  test.each([
    ['whole numbers', ['1', '-2', '0'], [1, -2, 0]],
    ['decimals, exactly', ['0.10', '12.5', '-3'], [0.1, 12.5, -3]],
    [
      'numbers that a double can not hold',
      ['9007199254740993', '0.12345678901234567'],
      ['9007199254740993.00000000000000000', '0.12345678901234567'],
    ],
    ['numbers with an exponent', ['1e3', '2.5'], [1000, 2.5]],
    ['postal codes with a leading zero', ['0123', '4567'], ['0123', '4567']],
    ['numbers with a plus or spaces', ['+1', ' 2'], ['+1', ' 2']],
    ['decimal commas', ['1,5', '2,25'], ['1,5', '2,25']],
    ['dates', ['2024-02-29', '1815-12-10'], ['2024-02-29', '1815-12-10']],
    ['days that do not exist', ['2024-02-30', '2024-01-01'], ['2024-02-30', '2024-01-01']],
    ['dates of which nobody knows the order', ['01/02/2024', '03/04/2024'], ['01/02/2024', '03/04/2024']],
    ['times', ['2024-01-02T10:00', '2024-01-02 10:00:00.5'], ['2024-01-02 10:00:00', '2024-01-02 10:00:00.5']],
    ['times with a zone', ['2024-01-02T10:00:00+02:00', '2024-01-02 10:00:00Z'], ['2024-01-02 08:00:00Z', '2024-01-02 10:00:00Z']],
    ['booleans', ['true', 'FALSE'], [true, false]],
    ['nothing', ['', ''], [null, null]],
    ['different things', ['1', 'x'], ['1', 'x']],
  ])('keeps in CSV %s', async (_, values, expected) => {
    const content = `v,n\n${values.map((value) => `"${value}",1`).join('\n')}\n`;
    expect((await reports.ask({ source: content })).rows.map(([value]) => value)).toEqual(expected);
    expect((await reports.ask({ source: { content, csv: { types: 'text' } } })).rows.map(([value]) => value)).toEqual(
      values.map((value) => value || null),
    );
  });

  test('has types that hold for every row, not only for the first ones', async () => {
    const many = (last: string) => `v,n\n${'1,1\n'.repeat(3_000)}${last},1\n`;
    const lastOf = async (last: string) => (await reports.ask({ source: many(last) })).rows.at(-1)?.[0];
    expect(await lastOf('2.5')).toBe(2.5);
    expect(await lastOf('0123')).toBe('0123');
    expect(await lastOf('n/a')).toBe('n/a');
    expect(await lastOf('1e400')).toBe('1e400');
  });

  test.each<[string, string | TestSource, string]>([
    ['too many fields', 'a,b\n1,2\n1,2,3\n', 'The row that begins in line 3 has 3 fields, unlike the first line.'],
    ['too few fields', 'a,b\n1,2\n1\n', 'The row that begins in line 3 has 1 field, unlike the first line.'],
    [
      'too many fields, late',
      `a,b\n${'1,2\n'.repeat(5_000)}1,2,3\n`,
      'The row that begins in line 5002 has 3 fields; there are 2 columns.',
    ],
    [
      'a quote that is never closed, late',
      `a,b\n${'1,2\n'.repeat(5_000)}"1,3\n`,
      'The row that begins in line 5002 has a quote that is never closed, or stands in the wrong place.',
    ],
    ['a name given twice', 'a,a\n1,2\n', 'Line 1: two columns are named "a".'],
    ['nothing at all', '', 'The file is empty: its first line must name the columns.'],
    ['a NUL character', 'a,b\n1,2\n1,x\0y\n', 'Line 3 has a NUL character.'],
    ['UTF-16 that nobody has marked', { content: utf16('a,b\n1,2\n').subarray(2) }, 'Line 1 has a NUL character.'],
    ['a piece of UTF-16', { content: utf16('a,b\n1,2\n').subarray(0, -1) }, 'Near line 2 the file is not valid utf-16le.'],
    ['lines that end in CR alone', 'a,b\r1,2\r', 'The first line has a lone CR; lines must end in LF or CRLF.'],
    ['broken NDJSON', { content: '{"a":1}\n{"a":\n', format: 'ndjson' }, 'Line 3 is not valid JSON.'],
    ['broken JSON', { content: '[{"a":1},', format: 'json' }, 'The file ends before its array does.'],
    ['no Parquet', { content: 'a,b\n1,2\n', format: 'parquet' }, 'The file is not complete, or not of this format.'],
    ['Parquet that is cut off', { content: 'PAR1'.repeat(20), format: 'parquet' }, 'The file is not complete, or not of this format.'],
    ['gzip that is cut off', { content: gzipSync(csv).subarray(0, -6) }, 'The gzip data are broken or end too early.'],
    [
      'gzip that was changed',
      { content: Buffer.from([0x1f, 0x8b, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]) },
      'The gzip data are broken or end too early.',
    ],
  ])('is refused with %s, by name and line', async (_, source, message) => {
    await expect(reports.ask({ orders: source })).rejects.toEqual(unreadable(`orders: ${message}`));
    expect(await reports.left()).toEqual([]);
  });

  test('with one line of a gigabyte is refused at its first MiB, with next to no memory', async () => {
    let sent = 0;
    const endless = function* () {
      yield Buffer.from('a,b\n1,');
      for (; sent < 1024; sent++) yield Buffer.alloc(1024 * 1024, 'x');
    };
    const bytes = () => Readable.from(endless(), { objectMode: false });
    const tables: TableBytes[] = [{ name: 'orders', bytes, format: 'csv', csv: undefined }];
    const before = process.memoryUsage().rss;
    await expect(reports.extract(tables)).rejects.toEqual(
      unreadable('orders: Line 2 is longer than 2 MiB; a line end or a closing quote may be missing.'),
    );
    expect(sent).toBeLessThan(100);
    expect((process.memoryUsage().rss - before) / 1024 / 1024).toBeLessThan(150);
  });

  test('may have rows of almost 2 MiB', async () => {
    const long = 'x'.repeat(2_000_000);
    const { rows } = await reports.ask({ orders: `a,b\n${`1,${long}\n`.repeat(5)}` }, { sql: 'select a, length(b) as n from orders' });
    expect(rows).toEqual(Array.from({ length: 5 }, () => [1, 2_000_000]));
  });

  test('of many rows needs no more memory', async () => {
    const lines = function* () {
      yield Buffer.from('id,name,amount,day\n');
      for (let batch = 0; batch < 100; batch++)
        yield Buffer.from(
          Array.from({ length: 10_000 }, (_, i) => `${String(batch * 10_000 + i)},Customer ${String(i)},${String(i)}.25,2026-01-31\n`).join(
            '',
          ),
        );
    };
    const tables: TableBytes[] = [{ name: 's', bytes: () => Readable.from(lines(), { objectMode: false }), format: 'csv', csv: undefined }];
    const before = process.memoryUsage().rss;
    let most = before;
    const looking = setInterval(() => {
      most = Math.max(most, process.memoryUsage.rss());
    }, 20);
    const done = await reports
      .engine()
      .extract({ tables, query: undefined, signal: new AbortController().signal, report: () => undefined });
    clearInterval(looking);
    await done.close();
    expect(done.rows).toBe(1_000_000);
    expect((most - before) / 1024 / 1024).toBeLessThan(200);
  });

  test('with one row of many lines within quotes is refused', async () => {
    const content = `a,b\n1,"${`${'x'.repeat(1_000)}\n`.repeat(3_000)}"\n`;
    await expect(reports.ask({ orders: content })).rejects.toMatchObject({
      code: 'source_unreadable',
      message: expect.stringContaining('line 2'),
    });
  });

  test('that unpacks to more than allowed is refused while it unpacks (a bomb)', async () => {
    const bomb = gzipSync(`a\n${'0\n'.repeat(8 * 1024 * 1024)}`, { level: 9 });
    expect(bomb.length).toBeLessThan(100_000);
    await expect(reports.ask({ orders: { content: bomb } }, { limits: { diskMb: 4 } })).rejects.toMatchObject({
      code: 'source_too_large',
      message: 'The sources are larger than 4 MiB when they are unpacked.',
    });
    expect(await reports.left()).toEqual([]);
  });

  test('counts together with the others', async () => {
    const content = `a\n${'0\n'.repeat(1024 * 1024)}`;
    await expect(reports.ask({ a: content, b: content, c: content }, { limits: { diskMb: 4 } })).rejects.toMatchObject({
      code: 'source_too_large',
    });
  });
});
