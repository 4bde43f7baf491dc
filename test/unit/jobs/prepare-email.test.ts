import { text } from 'node:stream/consumers';
import { describe, expect, test } from '@jest/globals';

import type { Submission } from '../../../src/jobs/definition.ts';
import { email, emailRequest } from '../../../src/jobs/email.ts';
import { fileIdFor, newJobId } from '../../../src/jobs/ids.ts';
import { chunks, testFileStore } from '../../support/file-store.ts';
import { picture } from '../../support/pictures.ts';
import { noTemplates } from '../../support/templates.ts';

const store = testFileStore();
const jobId = newJobId('email', 'acme', 'k');
const submission = (changes: Partial<Submission> = {}): Submission => ({
  ...{ tenant: 'acme', jobId, createdAt: '2026-11-22T12:00:00.000Z', files: store.files, templates: noTemplates },
  ...changes,
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
      return 'attachments' in content ? content.attachments[0]?.contentType : undefined;
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
});
