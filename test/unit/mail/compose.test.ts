import { execFileSync } from 'node:child_process';
import { buffer } from 'node:stream/consumers';
import { Readable } from 'node:stream';
import { describe, expect, test } from '@jest/globals';
import PostalMime from 'postal-mime';

import type { OutgoingMessage } from '../../../activities/mail-ports.ts';
import { composeMail } from '../../../src/mail/compose.ts';
import { messageBytes } from '../../../src/jobs/email-size.ts';
import { outgoing } from '../../support/mail-server.ts';

const file = (name: string, contentType: string, bytes: Buffer, contentId?: string) => ({
  ...{ name, contentType, size: bytes.length, open: () => Readable.from([bytes]) },
  ...(contentId !== undefined && { contentId }),
});
const calendar = { method: 'REQUEST', content: 'BEGIN:VCALENDAR\nMETHOD:REQUEST\nSUMMARY:Grüße\nEND:VCALENDAR\n' };
const full: OutgoingMessage = outgoing({
  from: { name: 'The "Shop", Ltd.', address: 'shop@example.org' },
  to: [{ name: 'Ada Łovelace', address: 'ada@example.com' }, { address: 'bob@xn--bcher-kva.example' }],
  cc: [{ address: 'carol@example.com' }],
  replyTo: [{ name: 'Help', address: 'help@example.org' }],
  subject: 'Grüße — 北京',
  text: 'Hi\n.\r\n..\rbye',
  html: '<p>Hi <img src="cid:logo"></p>',
  headers: [
    ['X-Order', '42 ø'],
    ['References', '<a@example.com> <b@example.com>'],
    ['List-Unsubscribe', `<https://example.com/${'u'.repeat(150)}>`],
  ],
  attachments: [
    file('sales – 2026.csv', 'text/csv; charset=utf-8', Buffer.from('a,b\n1,2\n')),
    file('logo.png', 'image/png', Buffer.from([1, 2, 3]), 'logo'),
  ],
  calendar,
});
const bytesOf = (message: OutgoingMessage) => buffer(composeMail(message));

/** Content types, each with those inside. */
function structure(raw: Buffer): string[] {
  return [...raw.toString('latin1').matchAll(/^content-type: ([a-z]+\/[a-z]+)/gim)].map(([, type]) => type ?? '');
}

describe('a composed message', () => {
  test('has its parts within one another as readers expect them', async () => {
    expect(structure(await bytesOf(full))).toEqual([
      ...['multipart/mixed', 'multipart/alternative', 'text/plain', 'multipart/related', 'text/html', 'image/png', 'text/calendar'],
      ...['text/csv', 'application/ics'],
    ]);
    const { attachments, calendar: nothing, headers, ...plain } = full;
    expect([attachments?.length, nothing, headers?.length]).toEqual([2, calendar, 3]);
    expect(structure(await bytesOf(plain))).toEqual(['multipart/alternative', 'text/plain', 'text/html']);
    expect(structure(await bytesOf(outgoing()))).toEqual(['text/plain']);
  });

  test('shows who it is from and to, and nobody of its envelope alone', async () => {
    const raw = await bytesOf({ ...full, recipient: 'hidden@example.com' });
    const mail = await PostalMime.parse(raw);
    expect(mail).toMatchObject({
      from: full.from,
      to: [{ name: 'Ada Łovelace', address: 'ada@example.com' }, { address: 'bob@xn--bcher-kva.example' }],
      cc: [{ address: 'carol@example.com' }],
      replyTo: [{ name: 'Help', address: 'help@example.org' }],
      subject: full.subject,
      messageId: full.messageId,
    });
    expect(raw.includes('hidden')).toBe(false);
    expect(raw.toString()).toMatch(new RegExp(`^List-Unsubscribe: <https://example.com/u{150}>\\r$`, 'm'));
    expect(mail.headers.map(({ key }) => key)).not.toEqual(expect.arrayContaining(['x-mailer']));
  });

  test('has line breaks of one kind only, whatever its text has', async () => {
    const raw = (await bytesOf(full)).toString('latin1');
    expect(raw.replaceAll('\r\n', '')).not.toMatch(/[\r\n]/);
    expect((await PostalMime.parse(raw)).text).toBe('Hi\n.\n..\nbye\n');
  });

  test('is byte for byte the same for the same message, in another process, too', async () => {
    const once = await bytesOf(full);
    expect((await bytesOf(full)).equals(once)).toBe(true);
    expect((await bytesOf({ ...full, text: 'other' })).equals(once)).toBe(false);
    const script = `
      import { composeMail } from './src/mail/compose.ts';
      import { buffer } from 'node:stream/consumers';
      process.stdout.write(await buffer(composeMail({ ...JSON.parse(process.argv[1]), date: new Date(0) })));`;
    const message = { ...outgoing({ html: '<p>ø</p>', headers: [['X-A', 'ø']] }), date: new Date(0) };
    const node = ['--import', './test/support/register-ts.mjs', '--input-type=module', '-e', script, JSON.stringify(message)];
    const env = { ...process.env, NODE_OPTIONS: '' };
    expect(execFileSync(process.execPath, node, { env }).equals(await bytesOf(message))).toBe(true);
  });

  test('has text made from its HTML where it has none', async () => {
    const { text, ...without } = outgoing({
      html: '<h1>Order</h1><p>See <a href="https://example.com/42">it</a>.</p><script>x()</script>',
    });
    expect(text).toBe('Hi');
    const mail = await PostalMime.parse(await bytesOf(without));
    expect(mail.text?.trim()).toBe('Order\n\nSee it [https://example.com/42].');
  });

  test.each([
    ['deep', '<div>'.repeat(20_000)],
    ['broad', '<p>x</p>'.repeat(50_000)],
    ['long', 'x'.repeat(3_000_000)],
    ['never closed', '<'.repeat(100_000)],
  ])('of HTML that is too %s has a text that was cut', async (_what, html) => {
    const { text, ...without } = outgoing({ html });
    expect(text).toBe('Hi');
    const mail = await PostalMime.parse(await bytesOf(without));
    expect(mail.text?.length).toBeLessThan(410_000);
  });

  test('reads an attachment only while it is read itself, and never holds it whole', async () => {
    let read = 0;
    const size = 20 * 1024 * 1024;
    const open = () =>
      Readable.from(
        (function* () {
          for (; read < size; read += 65_536) yield Buffer.alloc(65_536);
        })(),
        { objectMode: false },
      );
    const stream = composeMail(outgoing({ attachments: [{ name: 'big', contentType: 'application/octet-stream', size, open }] }));
    await new Promise(setImmediate);
    expect(read).toBe(0);
    let most = 0;
    let got = 0;
    for await (const chunk of stream) {
      got += (chunk as Buffer).length;
      most = Math.max(most, read - (got * 3) / 4);
    }
    expect(got).toBeGreaterThan(size * 1.36);
    expect(most).toBeLessThan(2_000_000);
  });

  test('that loses an attachment fails, with the reason as its cause', async () => {
    const cause = new Error('gone');
    const open = () => new Readable({ read() { this.destroy(cause); } }); // prettier-ignore
    const lost = outgoing({ attachments: [{ name: 'a', contentType: 'text/plain', size: 1, open }] });
    await expect(bytesOf(lost)).rejects.toMatchObject({ cause });
  });

  test.each([
    ['a comma', 'ada@example.com,eve@evil.example'],
    ['a line break', 'ada@example.com\r\nBcc: eve@evil.example'],
    ['a group', 'all: ada@example.com;'],
    ['quotes', '"ada@x"@example.com'],
    ['a domain beyond ASCII', 'ada@bücher.example'],
  ])('is refused for an address with %s in any header', (_what, address) => {
    for (const changes of [{ from: { address } }, { to: [{ address }] }, { cc: [{ address }] }, { replyTo: [{ address }] }])
      expect(() => composeMail(outgoing(changes))).toThrow(expect.objectContaining({ code: 'mail_rejected' }));
  });

  test('names an address beyond ASCII only to servers that know such; to others as an empty group', async () => {
    const to = [{ address: 'ada@example.com' }, { address: 'jörg@example.com' }];
    const raw = (await bytesOf(outgoing({ to }))).toString('latin1');
    expect(raw).toMatch(/^To: ada@example\.com, =\?UTF-8\?Q\?j=C3=B6rg=40example=2Ecom\?=:;\r$/m);
    expect((await bytesOf(outgoing({ to, recipient: 'jörg@example.com' }))).toString()).toMatch(
      /^To: ada@example\.com, jörg@example\.com\r$/m,
    );
  });

  test('is never larger than was reckoned before its job started', async () => {
    const texts = [
      'Hi',
      'ø'.repeat(5_000),
      '1'.repeat(5_000),
      '='.repeat(3_000),
      '北京'.repeat(2_000),
      ' \n'.repeat(2_000),
      '\0'.repeat(999),
    ];
    for (const text of texts)
      for (const [subject, name] of [
        ['x', 'a'],
        ['北'.repeat(998), `${'😀'.repeat(120)}.txt`],
      ] as const) {
        const bytes = Buffer.alloc(1_001);
        const content = {
          subject,
          text,
          html: text,
          calendar: { method: 'REQUEST', content: text } as const,
          headers: { 'X-A': 'ø'.repeat(900) },
        };
        const raw = await bytesOf(
          outgoing({ ...content, headers: [['X-A', 'ø'.repeat(900)]], attachments: [file(name, 'text/csv', bytes)] }),
        );
        expect(raw.length).toBeLessThanOrEqual(messageBytes(content, [{ name, size: bytes.length }]));
      }
  });
});
