import { describe, expect, test } from '@jest/globals';

import { emailRequest } from '../../../src/jobs/email.ts';
import { reportRequest } from '../../../src/jobs/report.ts';
import { uploadRequest } from '../../../src/jobs/upload.ts';

const email = { to: ['ada@example.com'], subject: 'Hello', text: 'Hi' };
const report = { title: 'Sales', source: { rows: [{ city: 'Oslo', sum: 12.5 }] }, outputs: [{ format: 'csv' }] };
const variant = { name: 'thumb', width: 320, format: 'webp' };

/** Paths of the faults, joined; `undefined` when there is none. */
function faults(schema: typeof emailRequest | typeof reportRequest | typeof uploadRequest, value: unknown): string[] | undefined {
  return schema.safeParse(value).error?.issues.map((issue) => issue.path.join('.'));
}

const many = (from: number, count: number) => Array.from({ length: count }, (_, i) => `u${String(from + i)}@example.com`);

describe('an e-mail', () => {
  test.each([
    ['text only', email],
    ['HTML only', { to: email.to, subject: '', html: '<p>Hi</p>' }],
    ['both, and a sender', { ...email, html: '<p>Hi</p>', from: 'shop@example.org' }],
    ['an empty text', { ...email, text: '' }],
    ['50 recipients', { ...email, to: Array.from({ length: 50 }, (_, i) => `u${String(i)}@example.com`) }],
    ['a plus address and a long top-level domain', { ...email, to: ["o'hara+tag_1@mail-1.example.photography"] }],
    ['a local part of 64 characters', { ...email, to: [`${'a'.repeat(64)}@example.com`] }],
    ['a punycode domain', { ...email, to: ['ada@xn--bcher-kva.example', 'ada@пример.xn--p1ai'] }],
    ['a domain beyond ASCII', { ...email, to: ['ada@bücher.example', 'ada@пример.рф', 'ada@faß.example', 'ada@例え.テスト'] }],
    ['a local part beyond ASCII', { ...email, to: ['jörg@example.com', 'адa@example.com', '用户@例え.テスト'] }],
    ['names', { ...email, to: [{ name: 'Lovelace, Ada "the 1st" <x@y.example>;', address: 'ada@example.com' }] }],
    ['copies', { ...email, cc: ['bob@example.com'], bcc: [{ address: 'eve@example.com' }], replyTo: ['shop@example.com'] }],
    ['an attachment', { ...email, attachments: [{ name: 'ø.txt', content: 'YQ==' }, { fileId: 'file_x' }] }],
    ['tags', { ...email, tags: { campaign: 'autumn_1' } }],
    ['a subject of 998 characters', { ...email, subject: 'ø'.repeat(998) }],
    ['a body with every control character', { ...email, text: '\u0000\r\n\u2028\u0085' }],
  ])('is taken with %s', (_what, value) => {
    expect(faults(emailRequest, value)).toBeUndefined();
  });

  const breaks = {
    CR: '\r',
    LF: '\n',
    CRLF: '\r\n',
    NUL: '\0',
    TAB: '\t',
    ESC: '\u001b',
    DEL: '\u007f',
    NEL: '\u0085',
    LS: '\u2028',
    PS: '\u2029',
  };
  test.each(Object.entries(breaks))('is refused with %s in the subject', (_name, character) => {
    expect(faults(emailRequest, { ...email, subject: `Hello${character}Bcc: eve@example.com` })).toEqual(['subject']);
    expect(faults(emailRequest, { ...email, subject: character })).toEqual(['subject']);
  });

  const addresses = [
    '',
    ' ',
    'ada',
    '@example.com',
    'ada@',
    'ada@localhost',
    'ada@example.com ',
    ' ada@example.com',
    'ada@example.com\n',
    'ada@example.com\nBcc: eve@example.com',
    'ada@example.com\r\nBcc: eve@example.com',
    'ada@example.com\u2028eve@example.com',
    'ada@example.com,eve@example.com',
    'ada@example.com, eve@example.com',
    'ada@example.com;eve@example.com',
    'ada@example.com eve@example.com',
    'Ada <ada@example.com>',
    '<ada@example.com>',
    'undisclosed-recipients:;',
    'friends: ada@example.com, eve@example.com;',
    '"ada lovelace"@example.com',
    '"ada"@example.com',
    '"a@b,eve"@example.com',
    'ada(comment)@example.com',
    'ada@example.com(comment)',
    'ada@[127.0.0.1]',
    'ada@[IPv6:::1]',
    'ada@127.0.0.1',
    'a@b@example.com',
    '.ada@example.com',
    'ada.@example.com',
    'a..da@example.com',
    'ada@.example.com',
    'ada@example..com',
    'ada@-example.com',
    'ada@exa_mple.com',
    'ada\0@example.com',
    'ada%0a@example.com\0',
    'ada@example.com?x=\r\nRCPT TO:<eve@example.com>',
    '|/bin/sh@example.com',
    `${'a'.repeat(65)}@example.com`,
    `a@${'b'.repeat(60)}.${'c'.repeat(60)}.${'d'.repeat(60)}.${'e'.repeat(60)}.example.com`,
    7,
    null,
    {},
    ['ada@example.com'],
  ];
  test.each(addresses)('is refused with the address %j, as recipient and as sender', (address) => {
    expect(faults(emailRequest, { ...email, to: ['bob@example.com', address] })).toEqual(['to.1']);
    expect(faults(emailRequest, { ...email, from: address })).toEqual(['from']);
  });

  test.each<[string, unknown, string[]]>([
    ['nobody', { ...email, to: [] }, ['to']],
    ['one string for a list', { ...email, to: 'ada@example.com' }, ['to']],
    ['51 recipients', { ...email, to: Array.from({ length: 51 }, (_, i) => `u${String(i)}@example.com`) }, ['to']],
    ['the same recipient twice', { ...email, to: ['ada@example.com', 'ada@example.com'] }, ['to.1']],
    ['the same recipient in other letters', { ...email, to: ['ada@example.com', 'ADA@Example.com'] }, ['to.1']],
    ['neither text nor HTML', { to: email.to, subject: 'x' }, ['text']],
    ['no subject', { to: email.to, text: 'x' }, ['subject']],
    ['a subject of 999 characters', { ...email, subject: 'x'.repeat(999) }, ['subject']],
    ['a text that is no string', { ...email, text: 7 }, ['text']],
    ['null for HTML', { ...email, html: null }, ['html']],
    ['the same recipient in another list', { ...email, cc: ['x@example.com'], bcc: ['Ada@example.com'] }, ['bcc.0']],
    ['the same recipient with a domain in ASCII', { ...email, to: ['a@bücher.example'], cc: ['a@xn--bcher-kva.example'] }, ['cc.0']],
    ['51 recipients in three lists', { ...email, to: many(0, 20), cc: many(20, 20), bcc: many(40, 11) }, ['to']],
    ['an unknown field', { ...email, bc: ['eve@example.com'] }, ['']],
    ['a field called __proto__', JSON.parse('{"to":["a@example.com"],"subject":"x","text":"y","__proto__":{"bcc":1}}'), ['']],
    ['attachments from the disk', { ...email, attachments: [{ path: '/etc/passwd' }] }, ['attachments.0']],
    ['no object', 'x', ['']],
    ['a list', [email], ['']],
    ['nothing', undefined, ['']],
  ])('is refused with %s', (_what, value, paths) => {
    expect(faults(emailRequest, value)).toEqual(paths);
  });
});

describe('a report', () => {
  const rows = (...list: unknown[]) => ({ ...report, source: { rows: list } });

  test.each([
    ['numbers, text, truth and nothing', rows({ a: 1, b: 'x', c: true, d: null })],
    ['uneven rows', rows({ a: 1 }, { b: 2 }, {})],
    ['names that objects inherit', rows({ constructor: 1, toString: 2, hasOwnProperty: 3 })],
    ['text of 32,767 characters', rows({ a: 'x'.repeat(32_767) })],
    ['both formats', { ...report, outputs: [{ format: 'csv' }, { format: 'xlsx' }] }],
    ['a file as source', { ...report, source: { fileId: 'file_x' } }],
  ])('is taken with %s', (_what, value) => {
    expect(faults(reportRequest, value)).toBeUndefined();
  });

  test.each<[string, unknown]>([
    ['NaN', rows({ a: Number.NaN })],
    ['an infinite number', rows(JSON.parse('{"a":1e999}'))],
    ['a negative infinite number', rows(JSON.parse('{"a":-1e999}'))],
    ['a nested value', rows({ a: { b: 1 } })],
    ['a list in a cell', rows({ a: [1] })],
    ['a row that is a list', rows([1, 2])],
    ['a row that is null', rows(null)],
    ['a column without a name', rows({ '': 1 })],
    ['a name of 256 characters', rows({ ['x'.repeat(256)]: 1 })],
    ['too long text', rows({ a: 'x'.repeat(32_768) })],
    ['no rows', rows()],
    ['two sources', { ...report, source: { rows: [{ a: 1 }], fileId: 'file_x' } }],
    ['no source', { ...report, source: {} }],
    ['a source from the disk', { ...report, source: { path: '/etc/passwd' } }],
    ['no outputs', { ...report, outputs: [] }],
    ['the same output twice', { ...report, outputs: [{ format: 'csv' }, { format: 'csv' }] }],
    ['an unknown format', { ...report, outputs: [{ format: 'exe' }] }],
    ['an unknown field in an output', { ...report, outputs: [{ format: 'csv', path: '/tmp/x' }] }],
    ['no title', { ...report, title: '' }],
    ['a title with a line break', { ...report, title: 'a\u2028b' }],
    ['a title with NUL', { ...report, title: 'a\0b' }],
    ['a title of 201 characters', { ...report, title: 'x'.repeat(201) }],
    ['an unknown field', { ...report, sql: 'select 1' }],
  ])('is refused with %s', (_what, value) => {
    expect(faults(reportRequest, value)).toBeDefined();
  });
});

describe("an upload's request", () => {
  const variants = (...list: unknown[]) => ({ variants: list });

  test.each([
    ['nothing', {}],
    ['no variants', variants()],
    ['all fields', variants({ ...variant, height: 200 })],
    ['the largest side', variants({ ...variant, width: 16_383 })],
    ['ten variants', variants(...Array.from({ length: 10 }, (_, i) => ({ ...variant, name: `v${String(i)}` })))],
  ])('is taken with %s', (_what, value) => {
    expect(faults(uploadRequest, value)).toBeUndefined();
  });

  test.each<[string, unknown]>([
    ['eleven variants', variants(...Array.from({ length: 11 }, (_, i) => ({ ...variant, name: `v${String(i)}` })))],
    ['the same name twice', variants(variant, variant)],
    ['a path as a name', variants({ ...variant, name: '../../x' })],
    ['capital letters in a name', variants({ ...variant, name: 'Thumb' })],
    ['a line break in a name', variants({ ...variant, name: 'thumb\n' })],
    ['no name', variants({ ...variant, name: '' })],
    ['width 0', variants({ ...variant, width: 0 })],
    ['a negative width', variants({ ...variant, width: -1 })],
    ['half a pixel', variants({ ...variant, width: 1.5 })],
    ['NaN', variants({ ...variant, width: Number.NaN })],
    ['a number as text', variants({ ...variant, width: '320' })],
    ['too many pixels a side', variants({ ...variant, width: 16_384 })],
    ['height null', variants({ ...variant, height: null })],
    ['a format that is not written', variants({ ...variant, format: 'svg' })],
    ['an unknown field', variants({ ...variant, sharpness: 100 })],
    ['an unknown part', { variants: [variant], callback: 'http://169.254.169.254/' }],
  ])('is refused with %s', (_what, value) => {
    expect(faults(uploadRequest, value)).toBeDefined();
  });
});
