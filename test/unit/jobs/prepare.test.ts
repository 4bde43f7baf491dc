import { text } from 'node:stream/consumers';
import { describe, expect, test } from '@jest/globals';

import type { Submission } from '../../../src/jobs/definition.ts';
import { email } from '../../../src/jobs/email.ts';
import { fileIdFor, newJobId } from '../../../src/jobs/ids.ts';
import { report, type ReportRequest } from '../../../src/jobs/report.ts';
import { defaultVariants, upload } from '../../../src/jobs/upload.ts';
import { chunks, testFileStore } from '../../support/file-store.ts';
import { picture } from '../../support/pictures.ts';
import { noTemplates } from '../../support/templates.ts';

const store = testFileStore();
const jobId = newJobId('upload', 'acme', 'k');
const submission = (changes: Partial<Submission> = {}): Submission => ({
  tenant: 'acme',
  jobId,
  createdAt: '2026-11-22T12:00:00.000Z',
  files: store.files,
  templates: noTemplates,
  ...changes,
});

describe('an e-mail', () => {
  const request = { to: ['ada@example.com'], subject: 'Hello', text: 'Hi' };

  test('that is small goes into the payload as it is', async () => {
    expect(await email.prepare(request, submission())).toEqual({ to: request.to, content: { subject: 'Hello', text: 'Hi' } });
  });

  test('that is large goes into a file; addresses stay in the payload', async () => {
    const input = await email.prepare({ ...request, html: 'ø'.repeat(20_000) }, submission());
    expect(input).toMatchObject({ to: request.to, content: { file: { contentType: 'application/json' } } });
    expect(JSON.stringify(input).length).toBeLessThan(1_000);
  });

  test('tells the Web UI nothing about anybody', () => {
    const input = { to: ['ada@example.com', 'bob@example.com'], content: { subject: 'Secret' }, date: '' };
    expect(email.summary(input)).toBe('E-mail to 2 recipients');
  });
});

describe('the rows of a report', () => {
  const outputs: ReportRequest['outputs'] = [{ format: 'csv' }];
  const prepare = (rows: Record<string, string | number | boolean | null>[]) =>
    report.prepare({ title: 'T', source: { rows }, outputs }, submission());

  test('become one table: columns in the order of their first appearance, gaps are null', async () => {
    const { source } = await prepare([{ b: 1, a: 'x' }, { c: true }, { a: null, b: 2 }]);
    expect(source).toEqual({
      columns: ['b', 'a', 'c'],
      rows: [
        [1, 'x', null],
        [null, null, true],
        [2, null, null],
      ],
    });
  });

  test('keep columns that are called like what objects inherit, and take nothing from there', async () => {
    const { source } = await prepare([{ constructor: 1 }, { toString: 'x' }, { hasOwnProperty: false, valueOf: null }]);
    expect(source).toEqual({
      columns: ['constructor', 'toString', 'hasOwnProperty', 'valueOf'],
      rows: [
        [1, null, null, null],
        [null, 'x', null, null],
        [null, null, false, null],
      ],
    });
  });

  test('are refused without any column', async () => {
    await expect(prepare([{}, {}])).rejects.toMatchObject({ code: 'invalid_request', errors: [{ pointer: '/source/rows/0' }] });
    expect(await store.count()).toBe(0);
  });

  test('go into a file when they are many, one JSON array a line', async () => {
    const rows = Array.from({ length: 5_000 }, (_, i) => ({ n: i, name: `row\u2028${String(i)}` }));
    const { source } = await prepare(rows);
    if (!('file' in source && 'total' in source)) throw new Error('not spooled');
    expect(source).toMatchObject({ columns: ['n', 'name'], total: 5_000, file: { contentType: 'application/x-ndjson' } });
    const lines = (await text(store.files.read(source.file))).trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual(rows.map((row) => [row.n, row.name]));
  });
});

describe('the source file of a report', () => {
  const id = fileIdFor(jobId, 'source');
  const prepare = (fileId: string, tenant = 'acme') =>
    report.prepare({ title: 'T', source: { fileId }, outputs: [{ format: 'csv' }] }, submission({ tenant }));

  async function stored(contentType: string): Promise<void> {
    await (await store.files.stage(chunks('a,b\n1,2\n'))).commit({ id, name: 'x.csv', contentType, tenant: 'acme', jobId });
  }

  test.each(['text/csv', 'text/plain', 'application/csv', 'application/octet-stream', 'application/vnd.ms-excel'])(
    'may be declared as %s',
    async (contentType) => {
      await stored(contentType);
      expect(await prepare(id)).toMatchObject({ source: { file: { id, name: 'x.csv', contentType, size: 8 } } });
    },
  );

  test('is handed on without what only the store needs', async () => {
    await stored('text/csv');
    const { source } = await prepare(id);
    expect(Object.keys('file' in source ? source.file : {}).sort()).toEqual(['contentType', 'id', 'name', 'sha256', 'size']);
  });

  test.each(['image/png', 'application/pdf', 'application/zip', 'image/svg+xml', 'application/csvx', 'x/text/csv'])(
    'is refused when it is %s',
    async (contentType) => {
      await stored(contentType);
      await expect(prepare(id)).rejects.toMatchObject({ code: 'source_unreadable', errors: [{ pointer: '/source/fileId' }] });
    },
  );

  test("is not there when it is unknown, another tenant's, or no id at all", async () => {
    await stored('text/csv');
    const missing = { code: 'file_not_found', message: 'no such file', errors: [{ pointer: '/source/fileId', detail: 'no such file' }] };
    await expect(prepare(fileIdFor(jobId, 'other'))).rejects.toMatchObject(missing);
    await expect(prepare(id, 'other')).rejects.toMatchObject(missing);
    for (const odd of ['', '../blobs', `${id}\n`, id.toUpperCase()]) await expect(prepare(odd)).rejects.toMatchObject(missing);
  });
});

describe('an upload', () => {
  const svg = '<svg xmlns="http://www.w3.org/2000/svg"/>';
  const png = () => picture(40, 30).png().toBuffer();

  /** As HTTP does it: whatever happens, the staged bytes are discarded at the end. */
  async function prepare(bytes: string | Uint8Array, declaredType: string | undefined) {
    const staged = await store.files.stage(chunks(bytes));
    try {
      return await upload.prepare({}, submission({ part: { staged, name: 'holiday.png', declaredType } }));
    } finally {
      await staged.discard();
    }
  }

  test('is stored under what its bytes prove', async () => {
    const { file, variants } = await prepare(await png(), 'image/png');
    expect(file).toMatchObject({ name: 'holiday.png', contentType: 'image/png' });
    expect(variants).toEqual(defaultVariants);
    expect(store.records.get(file.id)).toMatchObject({ tenant: 'acme', jobId });
    expect(await store.count()).toBe(1);
  });

  test.each([
    ['nothing', undefined],
    ['an empty type', ''],
    ['any bytes', 'application/octet-stream'],
    ['any bytes, in another word', 'binary/octet-stream'],
    ['text, which is what a part is that names no type', 'text/plain'],
    ['its type in capitals, with a parameter', 'IMAGE/PNG; name=x'],
  ])('may be declared as %s', async (_what, declared) => {
    expect((await prepare(await png(), declared)).file.contentType).toBe('image/png');
  });

  test('of a JPEG may be called image/jpg, as many clients do', async () => {
    expect((await prepare(await picture(40, 30).jpeg().toBuffer(), 'image/jpg')).file.contentType).toBe('image/jpeg');
  });

  test('of an animated PNG may be called image/apng', async () => {
    expect((await prepare(await png(), 'image/apng')).file.contentType).toBe('image/png');
  });

  test.each([
    ['text', 'name,city\nAda,Oslo\n', 'text/csv', 'text/csv'],
    ['unknown bytes', 'x', undefined, 'application/octet-stream'],
    ['a PDF that is declared as text', '%PDF-1.7\n%âãÏÓ\n1 0 obj\n', 'text/plain', 'application/pdf'],
    ['SVG', svg, 'image/svg+xml', 'image/svg+xml'],
    ['SVG without a declaration', svg, undefined, 'image/svg+xml'],
    ['a type in strange letters', 'x', 'te\0xt/plain', 'application/octet-stream'],
    ['a type without a slash', 'x', 'csv', 'application/octet-stream'],
    ['a type with a line break', 'x', 'text/csv\r\nX-Evil: 1', 'application/octet-stream'],
    ['a type outside ASCII', 'x', 'tëxt/plain', 'application/octet-stream'],
  ])('of %s is stored under a safe type', async (_what, bytes, declared, contentType) => {
    expect((await prepare(bytes, declared)).file.contentType).toBe(contentType);
  });

  test.each<[string, () => Promise<string | Uint8Array>, string, string]>([
    ['a PNG that is declared as a JPEG', png, 'image/jpeg', 'content_type_mismatch'],
    ['a PNG that is declared as CSV', png, 'text/csv', 'content_type_mismatch'],
    ['text that is declared as a PNG', () => Promise.resolve('hello'), 'image/png', 'content_type_mismatch'],
    ['HTML that is declared as a GIF', () => Promise.resolve('<html><script>'), 'image/gif', 'content_type_mismatch'],
    ['SVG that is declared as a PNG', () => Promise.resolve(svg), 'image/png', 'content_type_mismatch'],
    ['SVG that is declared as HTML', () => Promise.resolve(svg), 'text/html', 'content_type_mismatch'],
    ['a PNG that is declared as SVG', png, 'image/svg+xml', 'content_type_mismatch'],
    ['a PNG without its end', async () => (await png()).subarray(0, -1), 'image/png', 'image_truncated'],
    ['a PNG without its end and declaration', async () => (await png()).subarray(0, -20), '', 'image_truncated'],
    ['nothing', () => Promise.resolve(''), 'text/plain', 'invalid_request'],
    ['nothing, without a declaration', () => Promise.resolve(''), '', 'invalid_request'],
    ['nothing that is declared as a picture', () => Promise.resolve(''), 'image/jpeg', 'invalid_request'],
  ])('of %s is refused, and leaves nothing behind', async (_what, bytes, declared, code) => {
    await expect(prepare(await bytes(), declared)).rejects.toMatchObject({ code, errors: [{ pointer: '/file' }] });
    expect(await store.count()).toBe(0);
    expect(store.records.size).toBe(0);
  });

  test('without a file is refused', async () => {
    await expect(upload.prepare({}, submission())).rejects.toMatchObject({ code: 'invalid_request', errors: [{ pointer: '/file' }] });
  });

  test('of other bytes under the same job is another file', async () => {
    const first = await prepare('one', 'text/plain');
    const second = await prepare('two', 'text/plain');
    expect(second.file.id).not.toBe(first.file.id);
    expect((await prepare('one', 'text/plain')).file).toEqual(first.file);
  });
});
