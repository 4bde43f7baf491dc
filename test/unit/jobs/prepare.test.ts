import { text } from 'node:stream/consumers';
import { describe, expect, test } from '@jest/globals';

import type { Submission } from '../../../src/jobs/definition.ts';
import { email, emailRequest } from '../../../src/jobs/email.ts';
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

describe('the attachments of an e-mail', () => {
  const png = () => picture(40, 30).png().toBuffer();
  const base64 = (bytes: string | Uint8Array) => Buffer.from(bytes).toString('base64');
  const prepare = (attachments: unknown[], changes: object = {}, from: Partial<Submission> = {}) =>
    email.prepare(emailRequest.parse({ to: ['ada@example.com'], subject: 'x', text: 'y', attachments, ...changes }), submission(from));
  const stored = async (name: string, contentType: string, bytes: string | Uint8Array = 'a,b') => {
    const id = fileIdFor(jobId, name);
    await (await store.files.stage(chunks(bytes))).commit({ id, name, contentType, tenant: 'acme', jobId });
    return id;
  };

  test('lie in the file store, and only references to them in the payload', async () => {
    const fileId = await stored('sales.csv', 'text/csv; charset=utf-8');
    const large = 'x'.repeat(100_000);
    const input = await prepare([{ name: 'a.txt', contentType: 'text/plain; charset=utf-8', content: base64(large) }, { fileId }]);
    expect(input.content).toMatchObject({
      attachments: [
        { name: 'a.txt', contentType: 'text/plain; charset=utf-8', file: { size: 100_000 } },
        { name: 'sales.csv', contentType: 'text/csv; charset=utf-8', file: { size: 3 } },
      ],
    });
    expect(JSON.stringify(input).length).toBeLessThan(1_000);
    const [first] = 'attachments' in input.content ? (input.content.attachments ?? []) : [];
    expect(first && (await text(store.files.read(first.file)))).toBe(large);
  });

  test('are the same files when the same request comes again', async () => {
    const once = await prepare([{ name: 'a', content: base64('1') }]);
    expect(await prepare([{ name: 'a', content: base64('1') }])).toEqual(once);
    expect(store.records.size).toBe(1);
  });

  test("by a fileId that is unknown, another tenant's or no id are refused, with a pointer", async () => {
    const fileId = await stored('a.csv', 'text/csv');
    const missing = { code: 'file_not_found', errors: [{ pointer: '/attachments/1/fileId', detail: 'no such file' }] };
    const one = { name: 'a', content: base64('1') };
    await expect(prepare([one, { fileId }], {}, { tenant: 'other' })).rejects.toMatchObject(missing);
    for (const odd of [fileIdFor(jobId, 'none'), '', '../blobs'])
      await expect(prepare([one, { fileId: odd }])).rejects.toMatchObject(missing);
    expect(store.records.size).toBe(1);
  });

  test('that are not what they are declared to be are refused, and nothing of the others stays behind', async () => {
    const good = { name: 'a.txt', content: base64('hello') };
    const lies = [
      { name: 'a.png', contentType: 'image/png', content: base64('<html><script>') },
      { name: 'a.txt', contentType: 'text/html', content: base64(await png()) },
      { name: 'a.jpg', contentType: 'image/jpeg', content: base64(await png()) },
    ];
    for (const lie of lies)
      await expect(prepare([good, lie])).rejects.toMatchObject({
        code: 'content_type_mismatch',
        errors: [{ pointer: '/attachments/1/contentType' }],
      });
    expect([await store.count(), store.records.size]).toEqual([0, 0]);
  });

  test('are of the type that their bytes prove, but for archives, which may be more than that', async () => {
    const types = async (contentType: string | undefined, bytes: string | Uint8Array) => {
      const { content } = await prepare([{ name: 'a', contentType, content: base64(bytes) }]);
      return 'attachments' in content ? content.attachments?.[0]?.contentType : undefined;
    };
    const docx = 'application/vnd.openxmlformats-officedocument.wordprocessingml.document';
    expect(await types(undefined, await png())).toBe('image/png');
    expect(await types('text/plain', '%PDF-1.7\n%âãÏÓ\n1 0 obj\n')).toBe('application/pdf');
    expect(await types(docx, Buffer.from('504b0304140000000800', 'hex'))).toBe(docx);
    expect(await types(undefined, '?')).toBe('application/octet-stream');
  });

  test('that the HTML shows are images, whatever else is claimed', async () => {
    const shown = { contentId: 'logo' };
    const html = '<img src="cid:logo">';
    const pointer = { code: 'invalid_request', errors: [{ pointer: '/attachments/0/contentId' }] };
    await expect(prepare([{ name: 'a', content: base64('hello'), ...shown }], { html })).rejects.toMatchObject(pointer);
    await expect(prepare([{ fileId: await stored('a.csv', 'text/csv'), ...shown }], { html })).rejects.toMatchObject(pointer);
    const fileId = await stored('logo.png', 'image/png', await png());
    expect(await prepare([{ fileId, ...shown }], { html })).toMatchObject({ content: { attachments: [{ contentId: 'logo' }] } });
  });

  test('are never a message, or parts, of their own', async () => {
    const fileId = await stored('old.eml', 'message/rfc822', 'Bcc: eve@evil.example');
    expect(await prepare([{ fileId }])).toMatchObject({ content: { attachments: [{ contentType: 'application/octet-stream' }] } });
  });

  test('need a name where the file has one that could deceive', async () => {
    const fileId = await stored('invoice\u202efdp.exe', 'application/x-thing');
    await expect(prepare([{ fileId }])).rejects.toMatchObject({ errors: [{ pointer: '/attachments/0/name' }] });
    expect(await prepare([{ fileId, name: 'invoice.exe' }])).toMatchObject({ content: { attachments: [{ name: 'invoice.exe' }] } });
  });

  test('that make the message too large are refused before anything is stored, as large as they are when they are sent', async () => {
    const most = { maxMessageBytes: 100_000 };
    const of = (bytes: number) => [{ name: 'a', content: base64('x'.repeat(bytes)) }];
    await expect(prepare(of(74_000), {}, most)).rejects.toMatchObject({
      code: 'message_too_large',
      errors: [{ pointer: '/attachments', detail: expect.stringContaining('100000') }],
    });
    expect([await store.count(), store.records.size]).toEqual([0, 0]);
    expect(await prepare(of(68_000), {}, most)).toMatchObject({ to: ['ada@example.com'] });
    const fileId = await stored('large', 'text/plain', 'x'.repeat(80_000));
    await expect(prepare([{ fileId }], {}, most)).rejects.toMatchObject({ code: 'message_too_large' });
    await expect(prepare([], { text: 'x'.repeat(100_000) }, most)).rejects.toMatchObject({ errors: [{ pointer: '/text' }] });
  });

  test('with a storage that fails leave nothing behind', async () => {
    let stages = 0;
    const files = { ...store.files, stage: (...of: Parameters<typeof store.files.stage>) => (++stages > 1 ? Promise.reject(new Error('full')) : store.files.stage(...of)) }; // prettier-ignore
    await expect(
      prepare(
        [
          { name: 'a', content: 'YQ==' },
          { name: 'b', content: 'Yg==' },
        ],
        {},
        { files },
      ),
    ).rejects.toThrow('full');
    expect([await store.count(), store.records.size]).toEqual([0, 0]);
  });
});

describe('the recipients of an e-mail', () => {
  const prepare = (changes: object) => email.prepare(emailRequest.parse({ subject: 'x', text: 'y', ...changes }), submission());

  test('are all of to, cc and bcc; the content names those that the headers show', async () => {
    const people = { to: [{ name: ' Ada ', address: 'ada@example.com' }], cc: ['bob@example.com'], bcc: ['eve@example.com'] };
    expect(await prepare(people)).toEqual({
      to: ['ada@example.com', 'bob@example.com', 'eve@example.com'],
      content: { subject: 'x', text: 'y', to: [{ name: 'Ada', address: 'ada@example.com' }], cc: [{ address: 'bob@example.com' }] },
    });
    expect(email.emails?.(emailRequest.parse({ subject: '', text: '', ...people }))).toEqual({ count: 3, pointer: '/to' });
  });

  test('are sent to by their domain in ASCII, and known by what the request called them', async () => {
    expect(await prepare({ to: ['ada@bücher.example', 'bob@example.com'] })).toMatchObject({
      to: ['ada@xn--bcher-kva.example', 'bob@example.com'],
      named: ['ada@bücher.example', 'bob@example.com'],
    });
  });

  test('are asked of a template only where there are templates', async () => {
    await expect(
      prepare({ to: ['ada@example.com'], subject: undefined, text: undefined, template: { name: 'welcome' } }),
    ).rejects.toMatchObject({
      code: 'template_not_found',
      errors: [{ pointer: '/template' }],
    });
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

  test.each(['image/png', 'application/pdf', 'application/zip', 'application/x-ndjson', 'image/svg+xml', 'application/csvx', 'x/text/csv'])(
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
