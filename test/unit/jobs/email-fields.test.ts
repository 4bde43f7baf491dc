import { describe, expect, test } from '@jest/globals';

import { emailRequest } from '../../../src/jobs/email.ts';
import { inAscii, mailboxKey } from '../../../src/jobs/email-address.ts';

const email = { to: ['ada@example.com'], subject: 'Hello', text: 'Hi' };
/** Paths of the faults, joined; `undefined` when there is none. */
const faults = (changes: object) => emailRequest.safeParse({ ...email, ...changes }).error?.issues.map(({ path }) => path.join('.'));

/** What could end a line, and what decodes to it. */
const injections = [
  ...['\r', '\n', '\r\n', '\u0085', '\u2028', '\u2029', '\0', '\u000b', '\u007f', '\ud800'].map((end) => `x${end}Bcc: eve@evil.example`),
];

describe('a line break, in whatever form, is refused', () => {
  const places: [string, (value: string) => object, string][] = [
    ['the name of a recipient', (name) => ({ cc: [{ name, address: 'bob@example.com' }] }), 'cc.0'],
    ['the name of the sender', (name) => ({ from: { name, address: 'bob@example.com' } }), 'from'],
    ['the name in replyTo', (name) => ({ replyTo: [{ name, address: 'bob@example.com' }] }), 'replyTo.0'],
    ['the value of a header', (value) => ({ headers: { 'X-A': value } }), 'headers.X-A'],
    ['the name of a header', (value) => ({ headers: { [`X-${value}`]: 'a' } }), 'headers'],
    ['a file name', (name) => ({ attachments: [{ name, content: 'YQ==' }] }), 'attachments.0'],
    ['the name for a file', (name) => ({ attachments: [{ fileId: 'file_x', name }] }), 'attachments.0'],
    ['a content type', (type) => ({ attachments: [{ name: 'a', content: 'YQ==', contentType: `text/${type}` }] }), 'attachments.0'],
    ['a content id', (id) => ({ html: `cid:${id}`, attachments: [{ name: 'a', content: 'YQ==', contentId: id }] }), 'attachments.0'],
    ['the name of a tag', (tag) => ({ tags: { [tag]: 'a' } }), 'tags'],
    ['the value of a tag', (tag) => ({ tags: { a: tag } }), 'tags.a'],
    ['replyTo', (text) => ({ replyTo: [`${text}@example.com`] }), 'replyTo.0'],
    ['cc', (text) => ({ cc: [`bob@example.com${text}`] }), 'cc.0'],
    ['bcc', (text) => ({ bcc: [`bob@example.com${text}`] }), 'bcc.0'],
    ['the name of a template', (name) => ({ subject: undefined, text: undefined, template: { name } }), 'template.name'],
  ];
  test.each(places)('in %s', (_what, changes, place) => {
    for (const value of injections) {
      const found = faults(changes(value)) ?? [];
      expect([value, found.length > 0 && found.every((path) => path.startsWith(place.split('.')[0] ?? ''))]).toEqual([value, true]);
    }
  });

  test('in the content of an invitation, where it is no line break of its own', () => {
    const content = (text: string) => `BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nX:${text}\r\nEND:VCALENDAR\r\n`;
    expect(faults({ calendar: { method: 'REQUEST', content: content('x') } })).toBeUndefined();
    for (const bad of ['\u0085', '\u2028', '\0', '\ud800'])
      expect(faults({ calendar: { method: 'REQUEST', content: content(bad) } })).toEqual(['calendar.content']);
  });

  test('as an encoded word in names of people and files, which some readers would decode', () => {
    const word = '=?utf-8?Q?x=0D=0ABcc=3A_eve=40evil.example?=';
    expect(faults({ cc: [{ name: word, address: 'bob@example.com' }] })).toEqual(['cc.0.name']);
    expect(faults({ attachments: [{ name: word, content: 'YQ==' }] })).toEqual(['attachments.0.name']);
    // In these it is text, and is sent so that it stays text.
    expect(faults({ subject: word, headers: { 'X-A': word } })).toBeUndefined();
  });
});

describe('an address', () => {
  test.each([
    ['full-width letters, which become plain ones', 'ada@ｅｘａｍｐｌｅ.com'],
    ['a full-width dot', 'ada@example．com'],
    ['a full-width @', 'ada＠example.com'],
    ['a circled digit', 'ada@①.example'],
    ['the Kelvin sign', 'ada@bo\u212a.example'],
    ['a capital letter beyond ASCII', 'ada@BÜCHER.example'],
    ['a soft hyphen', 'ada@exam\u00adple.com'],
    ['a zero-width joiner', 'ada@exam\u200dple.com'],
    ['a letter in two parts', 'ada@bu\u0308cher.example'],
    ['a label of punycode that is none', 'ada@xn--a.example'],
    ['a label that is too long in ASCII', `ada@${'ü'.repeat(62)}.example`],
    ['a full-width comma', 'ada，eve@example.com'],
    ['a letter in two parts before the @', 'jo\u0308rg@example.com'],
    ['an override of the direction', 'ada\u202e@example.com'],
    ['more than 64 bytes before the @', `${'ö'.repeat(33)}@example.com`],
    ['a no-break space', 'ada\u00a0@example.com'],
    ['an emoji', '🦌@example.com'],
    ['a source route', '@relay.example:ada@example.com'],
    ['a percent route', 'ada%evil.example@example.com'],
    ['a bang path', 'evil.example!ada@example.com'],
  ])('with %s is refused, with a pointer', (_what, address) => {
    expect(faults({ to: [address] })).toEqual(['to.0']);
  });

  test('that is refused says why', () => {
    const told = (to: string) => emailRequest.safeParse({ ...email, to: [to] }).error?.issues[0]?.message;
    expect(told('ada@①.example')).toMatch(/UTS 46/);
    expect(told('ada, eve@example.com')).toMatch(/bare e-mail address/);
  });

  test('is sent to with its domain in ASCII, and is one mailbox however its domain is written', () => {
    expect(inAscii('jörg@bücher.example')).toBe('jörg@xn--bcher-kva.example');
    expect(inAscii('Ada@Example.com')).toBe('Ada@Example.com');
    expect(mailboxKey('Ada@Bücher.example')).toBe(mailboxKey('ada@XN--BCHER-kva.example'));
    expect(mailboxKey('ada@bücher.example')).not.toBe(mailboxKey('ada@bucher.example'));
  });
});

describe('a header', () => {
  test.each([
    ['X-Order', '42 ø'],
    ['x-campaign', 'a  b'],
    ['In-Reply-To', '<a@example.com>'],
    ['References', '<a@example.com> <b.c$1@example.com>'],
    ['List-Id', 'News of us <news.example.com>'],
    ['Feedback-ID', 'a:b:c:shop'],
    ['Auto-Submitted', 'auto-generated'],
    ['Importance', 'High'],
    ['Priority', 'urgent'],
    ['Precedence', 'bulk'],
  ])('%s may be set', (name, value) => {
    expect(faults({ headers: { [name]: value } })).toBeUndefined();
  });

  test.each([
    ...['From', 'to', 'Cc', 'BCC', 'Subject', 'Date', 'Message-ID', 'Reply-To', 'Sender', 'Return-Path', 'Received', 'Resent-To'],
    ...['MIME-Version', 'Content-Type', 'Content-Disposition', 'DKIM-Signature', 'ARC-Seal', 'Authentication-Results'],
    ...['List-Unsubscribe', 'List-Unsubscribe-Post', 'X-List-Unsubscribe', 'Disposition-Notification-To', 'Errors-To', 'Unknown'],
    ...['X-PM-Message-Stream', 'x-ses-configuration-set', 'X-SMTPAPI', 'X-Mailgun-Variables', 'X-MC-Tags', 'X-Failed-Recipients'],
  ])('%s may not', (name) => {
    expect(faults({ headers: { [name]: 'x' } })).toEqual([`headers.${name}`]);
  });

  test.each([
    ['a colon in its name', { 'X-A: b\r\nBcc': 'x' }],
    ['a blank in its name', { 'X A': 'x' }],
    ['no name', { '': 'x' }],
    ['a name of letters beyond ASCII', { 'X-Ä': 'x' }],
    ['blanks around its value', { 'X-A': ' x' }],
    ['no value', { 'X-A': '' }],
    ['a value of 901 characters', { 'X-A': 'x'.repeat(901) }],
    ['the same name in other letters', { 'X-A': 'x', 'x-a': 'y' }],
    ['words for a message id', { References: 'yesterday' }],
    ['a second thing in an enumeration', { Priority: 'urgent, x' }],
    ['20 others', Object.fromEntries(Array.from({ length: 21 }, (_, i) => [`X-${String(i)}`, 'x']))],
  ])('with %s is refused', (_what, headers) => {
    expect(faults({ headers })?.[0]).toMatch(/^headers/);
  });
});

describe('an attachment', () => {
  const bytes = { content: 'YQ==' };
  test.each<[string, object]>([
    ['a path', { name: '../../etc/passwd', ...bytes }],
    ['a path of Windows', { name: 'C:\\autoexec.bat', ...bytes }],
    ['NUL in its name', { name: 'invoice.pdf\0.exe', ...bytes }],
    ['an override of the direction in its name', { name: 'invoice\u202efdp.exe', ...bytes }],
    ['an isolate in its name', { name: 'a\u2066b', ...bytes }],
    ['something invisible in its name', { name: 'a\u200bb', ...bytes }],
    ['a dot for a name', { name: '.', ...bytes }],
    ['two dots for a name', { name: '..', ...bytes }],
    ['a dot at the end of its name', { name: 'a.exe.', ...bytes }],
    ['a name of 256 characters', { name: 'x'.repeat(256), ...bytes }],
    ['no name', bytes],
    ['a line break in its base 64', { name: 'a', content: 'YQ=\n' }],
    ['blanks in its base 64', { name: 'a', content: 'YQ  ' }],
    ['base 64 for URLs', { name: 'a', content: '_-8=' }],
    ['base 64 without its padding', { name: 'a', content: 'YQ' }],
    ['padding in the middle', { name: 'a', content: 'YQ==YQ==' }],
    ['base 64 with bits that mean nothing', { name: 'a', content: 'YR==' }],
    ['nothing in it', { name: 'a', content: '' }],
    ['a type that is none', { name: 'a', ...bytes, contentType: 'text' }],
    ['a boundary in its type', { name: 'a', ...bytes, contentType: 'multipart/mixed; boundary=x' }],
    ['messages for a type', { name: 'a', ...bytes, contentType: 'Message/rfc822' }],
    ['a name in its type', { name: 'a', ...bytes, contentType: 'text/plain; name=b.exe' }],
    ['a URL to be fetched', { name: 'a', url: 'https://evil.example/' }],
    ['a link to be fetched', { name: 'a', href: 'http://169.254.169.254/' }],
    ['a path to be read', { name: 'a', path: '/etc/passwd' }],
    ['a URL beside its bytes', { name: 'a', ...bytes, url: 'https://evil.example/' }],
    ['raw MIME', { name: 'a', raw: 'Bcc: eve@evil.example' }],
    ['an encoding', { name: 'a', ...bytes, encoding: 'hex' }],
    ['bytes and a file', { name: 'a', ...bytes, fileId: 'file_x' }],
  ])('with %s is refused', (_what, attachment) => {
    expect(faults({ attachments: [attachment] })?.every((path) => path.startsWith('attachments.0'))).toBe(true);
  });

  test('may be one of 20, not of 21, let alone 10,000', () => {
    const some = (count: number) => Array.from({ length: count }, (_, i) => ({ name: `a${String(i)}`, ...bytes }));
    expect(faults({ attachments: some(20) })).toBeUndefined();
    expect(faults({ attachments: some(21) })).toEqual(['attachments']);
    expect(faults({ attachments: some(10_000) })).toEqual(['attachments']);
  });

  test('of megabytes is looked at without running out of stack', () => {
    const content = 'A'.repeat(8 * 1024 * 1024);
    expect(faults({ attachments: [{ name: 'a', content }] })).toBeUndefined();
    expect(faults({ attachments: [{ name: 'a', content: `${content.slice(4)}A!==` }] })).toHaveLength(1);
  });

  test('with a contentId must be shown by html, and be the only one', () => {
    const image = { name: 'a.png', ...bytes, contentId: 'logo' };
    expect(faults({ html: '<img src="cid:logo">', attachments: [image] })).toBeUndefined();
    expect(faults({ attachments: [image] })).toEqual(['attachments.0.contentId']);
    expect(faults({ html: '<img src="cid:other">', attachments: [image] })).toEqual(['attachments.0.contentId']);
    expect(faults({ html: 'cid:logo', attachments: [image, image] })).toEqual(['attachments.1.contentId']);
  });
});

describe('an invitation', () => {
  const calendar = (content: string, method = 'REQUEST') => faults({ calendar: { method, content } });
  const event = (...lines: string[]) => ['BEGIN:VCALENDAR', 'VERSION:2.0', ...lines, 'END:VCALENDAR', ''].join('\r\n');

  test('has the method that its content has', () => {
    expect(calendar(event('METHOD:REQUEST'))).toBeUndefined();
    expect(calendar(event('method:request').replaceAll('\r\n', '\n'))).toBeUndefined();
  });

  test.each([
    ['another method', event('METHOD:CANCEL')],
    ['no method', event()],
    ['a second method', event('METHOD:REQUEST', 'METHOD:CANCEL')],
    ['a second method that is folded', event('METHOD:REQUEST', 'METH', ' OD:CANCEL')],
    ['two calendars', event('METHOD:REQUEST') + event()],
    ['something in front', `X: y\r\n${event('METHOD:REQUEST')}`],
    ['no calendar', 'METHOD:REQUEST'],
    ['too much', event('METHOD:REQUEST', `X:${'x'.repeat(200_000)}`)],
  ])('with %s is refused', (_what, content) => {
    expect(calendar(content)).toEqual(['calendar.content']);
  });
});

test('tags have ten pairs of letters, digits, _ and -', () => {
  const some = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`t${String(i)}`, 'v']));
  expect(faults({ tags: some(10) })).toBeUndefined();
  for (const tags of [some(11), { 'a b': 'x' }, { a: 'ø' }, { a: '' }, { ['x'.repeat(21)]: 'x' }, { a: 'x'.repeat(81) }, { a: 1 }])
    expect(faults({ tags })).toHaveLength(1);
});

test('with a template there is no subject, text or HTML of its own', () => {
  const template = { name: 'welcome', version: 2, variables: { name: 'Ada' } };
  expect(faults({ template, subject: undefined, text: undefined })).toBeUndefined();
  expect(faults({ template })).toEqual(['subject', 'text']);
});
