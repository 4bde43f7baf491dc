import { domainToUnicode } from 'node:url';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import PostalMime, { decodeWords, type Email } from 'postal-mime';

import type { MailSender } from '../../activities/mail-ports.ts';
import { messageIdFor } from '../../activities/message-id.ts';
import { outgoingMessage } from '../../activities/outgoing.ts';
import type { EmailContent, Mailbox } from '../../src/jobs/email-message.ts';
import { email, emailRequest, type EmailRequest } from '../../src/jobs/email.ts';
import { addressOf, inAscii, mailboxOf } from '../../src/jobs/email-address.ts';
import { createSmtpSender } from '../../src/mail/smtp.ts';
import { memoryFiles } from '../support/memory-files.ts';
import { freely, startMailServer } from '../support/mail-server.ts';
import { noTemplates } from '../support/templates.ts';

const seed = 20_261_122;
const requests = 700;

/** What ends lines, addresses, parts, messages or quotes somewhere. */
const hostile = fc.constantFrom(
  ...['\r\n.\r\n', '\n.\n', '\r.\r', '\n.\r\n', '\r\n.\n', '\r\n..\r\n', '\n\n', '\r\nQUIT\r\n', '.\r\nMAIL FROM:<eve@evil.example>\r\n'],
  ...[
    '\r\nBcc: eve@evil.example',
    '\nRCPT TO:<eve@evil.example>\n',
    'Content-Type: text/html\r\n\r\n',
    '--_NmP-',
    '\u0085',
    '\u2028',
    '\u2029',
  ],
);
/** The same for one line. */
const odd = fc.constantFrom(
  ...['%0d%0aBcc: eve@evil.example', '=?utf-8?Q?a=0D=0ABcc=3A_eve=40evil.example?=', '=?x?B?DQo=?=', '=0D=0A', '\\r\\n', '&#13;&#10;'],
  ...[
    ',',
    ';',
    ':',
    '"',
    "'",
    '\\',
    '<',
    '>',
    '(',
    ')',
    '[',
    ']',
    '@',
    'undisclosed:;',
    'eve@evil.example',
    '<eve@evil.example>',
    '.',
    '--',
  ],
  ...['ø', '北京', '🦌', 'é', '=', '?', '%', '*', "utf-8''x", '  ', '\u202e', '\ufeff', '{{x}}', '\\', '/', '=?', '?='],
);
const word = fc.string({ unit: 'grapheme', maxLength: 12 });
const line = (maxLength: number) =>
  fc.oneof(
    fc.array(fc.oneof(odd, word), { maxLength: 6 }).map((parts) => parts.join('').slice(0, maxLength)),
    fc.string({ maxLength: 80 }),
  );
const prose = fc
  .array(fc.oneof(hostile, odd, word, fc.string({ unit: 'binary', maxLength: 20 })), { maxLength: 8 })
  .map((parts) => parts.join(''));

/** Nearly always what the schema takes: a request has many fields, and one wrong one is enough to be refused. Made once: asking the schema takes long. */
function mostly(values: fc.Arbitrary<string>, taken: (value: string) => boolean): fc.Arbitrary<string> {
  const samples = fc.sample(values, { numRuns: 400, seed });
  return fc.oneof(
    { weight: 50, arbitrary: fc.constantFrom(...samples.filter(taken)) },
    {
      weight: 1,
      arbitrary: fc
        .tuple(
          fc.constantFrom(...samples),
          hostile.filter((value) => !/^[\x20-\x7e]*$/.test(value)),
        )
        .map((parts) => parts.join('')),
    },
  );
}
const takes = (changes: (value: string) => object) => (value: string) =>
  emailRequest.safeParse({ to: ['ada@example.com'], subject: '', text: '', ...changes(value) }).success;

const local = fc.oneof(fc.stringMatching(/^[a-z][a-z0-9_+-]{0,8}$/), fc.constantFrom('jörg', '用户', "o'hara", 'A.B', 'a+b=c', 'ada"'));
const domain = fc.constantFrom(
  ...['example.com', 'xn--bcher-kva.example', 'bücher.example', 'mail-1.example', 'пример.рф', 'evil.example,a.example'],
);
const address = fc
  .tuple(
    mostly(
      fc.tuple(local, domain).map((parts) => parts.join('@')),
      takes((one) => ({ to: [one] })),
    ),
    fc.nat(),
  )
  .map(([one, n]) => `${String(n)}${one}`);
const personName = mostly(
  line(60),
  takes((name) => ({ from: { name, address: 'a@example.com' } })),
);
const fileName = mostly(
  line(80),
  takes((name) => ({ attachments: [{ name, content: 'YQ==' }] })),
);
const headerValue = mostly(
  line(100),
  takes((value) => ({ headers: { 'X-A': value } })),
);
const subject = mostly(
  line(200),
  takes((value) => ({ subject: value })),
);
const party = fc.oneof(address, fc.record({ name: personName, address }));
const parties = (minLength: number) => fc.array(party, { minLength, maxLength: 3 });

const attachment = fc.record(
  {
    name: fileName,
    content: fc.uint8Array({ minLength: 1, maxLength: 300 }).map((bytes) => Buffer.from(bytes).toString('base64')),
    contentType: fc.constantFrom('text/csv', 'text/html; charset=utf-8', 'application/x-thing'),
  },
  { requiredKeys: ['name', 'content'] },
);
const event = subject.map((summary) => `BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nSUMMARY:${summary}\r\nEND:VCALENDAR\r\n`);

/** Most are taken; of each sort some are not. */
const request: fc.Arbitrary<unknown> = fc.record(
  {
    to: parties(1),
    cc: parties(0),
    bcc: parties(0),
    from: party,
    replyTo: fc.array(party, { minLength: 1, maxLength: 2 }),
    subject,
    text: prose,
    html: prose,
    headers: fc.dictionary(fc.constantFrom('X-A', 'x-long-name', 'Comments', 'Thread-Topic'), headerValue, { maxKeys: 3 }),
    attachments: fc.array(attachment, { maxLength: 2 }),
    calendar: fc.record({ method: fc.constant('REQUEST'), content: event }),
    tags: fc.dictionary(fc.stringMatching(/^[a-z]{1,5}$/), fc.stringMatching(/^[a-z]{1,5}$/), { maxKeys: 2 }),
  },
  { requiredKeys: ['to', 'subject', 'text'] },
);

let server: Awaited<ReturnType<typeof startMailServer>>;
let sender: MailSender;

beforeAll(async () => {
  server = await startMailServer();
  sender = createSmtpSender({ url: `smtp://127.0.0.1:${String(server.port)}`, maxConnections: 10 });
});
afterAll(async () => {
  await sender.close();
  await server.close();
});

interface Asked {
  request: EmailRequest;
  recipient: string;
  messageId: string;
}

const files = memoryFiles();

/** As a job does it, from the request on. */
async function sendAll(valid: EmailRequest, index: number): Promise<Asked[]> {
  const jobId = `email_${String(index)}`;
  const { to, content: stored } = await email.prepare(valid, { tenant: 'acme', jobId, createdAt: '', files, templates: noTemplates });
  const content = 'file' in stored ? (JSON.parse(await text(files.read(stored.file))) as EmailContent) : stored;
  const common = { content, defaultFrom: 'shop@example.org', to, date: new Date(0), open: (file: { sha256: string }) => files.read(file) };
  return Promise.all(
    to.map(async (recipient) => {
      const messageId = messageIdFor(jobId, recipient, 'example.org');
      await sender.send(outgoingMessage({ ...common, recipient, messageId }), freely());
      return { request: valid, recipient, messageId };
    }),
  );
}

const isAscii = (value: string) => /^\p{ASCII}*$/u.test(value);
/** Where the part before the @ is not in ASCII, the domain on the wire is not, either. */
function onWire(recipient: string): string {
  const at = recipient.lastIndexOf('@');
  const host = recipient.slice(at + 1);
  return `${recipient.slice(0, at)}@${isAscii(recipient) ? host : domainToUnicode(host)}`;
}

/** As readers show them: blanks at ends are lost, those within are one. */
const shownText = (value = '') => value.replace(/[ \t]+/g, ' ').trim();
/** This reader drops a byte order mark in front. */
const lines = (value = '') =>
  value
    .replace(/^\ufeff/, '')
    .replace(/\r\n?|\n/g, '\n')
    .trimEnd();

function shownParties(list: Mailbox[], everywhere: boolean) {
  return list.map(({ name = '', address: one }) =>
    isAscii(one) || everywhere ? { name: shownText(name), address: onWire(one) } : { name: one, group: [] },
  );
}
const seenParties = (list: Email['to']) => (list ?? []).map((one) => ({ ...one, name: shownText(one.name) }));

/** What a reader sees of it, and what should be seen. */
function facts({ request: valid, recipient }: Asked, mail: Email) {
  const from = valid.from === undefined ? { address: 'shop@example.org' } : mailboxOf(valid.from);
  const everywhere = !isAscii(from.address) || !isAscii(recipient);
  const own = Object.entries(valid.headers ?? {}).map(([name, value]) => [name.toLowerCase(), shownText(value)]);
  const ics = valid.calendar ? [{ filename: 'invite.ics', bytes: lines(valid.calendar.content) }] : [];
  const expected = {
    from: shownParties([from], true)[0],
    to: shownParties(valid.to.map(mailboxOf), everywhere),
    cc: shownParties((valid.cc ?? []).map(mailboxOf), everywhere),
    replyTo: shownParties((valid.replyTo ?? []).map(mailboxOf), everywhere),
    subject: shownText(valid.subject),
    text: lines(valid.text),
    html: lines(valid.html),
    headers: own.sort(),
    files: [
      ...(valid.attachments ?? []).map((one) => ({ filename: 'name' in one ? one.name : '', bytes: 'content' in one ? one.content : '' })),
      ...ics,
    ],
  };
  const standard = [
    'from',
    'to',
    'cc',
    'reply-to',
    'subject',
    'message-id',
    'date',
    'mime-version',
    'content-type',
    'content-transfer-encoding',
  ];
  const seen = {
    from: mail.from && seenParties([mail.from])[0],
    to: seenParties(mail.to),
    cc: seenParties(mail.cc),
    replyTo: seenParties(mail.replyTo),
    subject: shownText(mail.subject),
    text: lines(mail.text),
    html: lines(mail.html),
    headers: mail.headers
      .filter(({ key }) => !standard.includes(key))
      .map(({ key, value }) => [key, shownText(decodeWords(value))])
      .sort(),
    files: mail.attachments
      .filter(({ mimeType }) => mimeType !== 'text/calendar')
      .map(({ filename, mimeType, content }) => ({
        filename,
        bytes:
          mimeType === 'application/ics'
            ? lines(Buffer.from(content as ArrayBuffer).toString())
            : Buffer.from(content as ArrayBuffer).toString('base64'),
      })),
  };
  return { expected, seen };
}

describe('thousands of generated requests', () => {
  test('reach exactly whom they ask for, with exactly what they say, and what is refused reaches nobody', async () => {
    const samples = fc.sample(request, { numRuns: requests, seed });
    const parsed = samples.map((one) => emailRequest.safeParse(one));
    const valid = parsed.flatMap(({ data }) => (data === undefined ? [] : [data]));
    const asked = (await Promise.all(valid.map(sendAll))).flat();
    expect(asked.length).toBeGreaterThan(2_000);
    expect(parsed.filter(({ error }) => error !== undefined).length).toBeGreaterThan(30);
    expect(asked).toHaveLength(valid.reduce((sum, { to, cc = [], bcc = [] }) => sum + to.length + cc.length + bcc.length, 0));

    const got = new Map<string, (typeof server.received)[number]>();
    for (const one of server.received) got.set((await PostalMime.parse(one.raw)).messageId ?? '', one);
    expect([server.received.length, got.size]).toEqual([asked.length, asked.length]);
    for (const one of asked) {
      const received = got.get(one.messageId);
      // This server shows domains in Unicode, however they came.
      expect(received?.recipients.map(inAscii)).toEqual([one.recipient]);
      const raw = received?.raw ?? Buffer.alloc(0);
      expect(raw.toString('latin1').replaceAll('\r\n', '')).not.toMatch(/[\r\n]/);
      const { expected, seen } = facts(one, await PostalMime.parse(raw));
      expect(seen).toEqual(expected);
      const hidden = (one.request.bcc ?? []).map(addressOf).filter((other) => other !== one.recipient);
      expect(hidden.filter((other) => raw.includes(other))).toEqual([]);
    }
  }, 240_000);
});
