import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';

import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';

import { keepMessage } from '../../../src/mail/caught-mail.ts';
import { createMailbox } from '../../../src/mail/mailbox.ts';

let directory: string;
let mailbox: ReturnType<typeof createMailbox>;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'handoff-mailbox-'));
  mailbox = createMailbox(directory);
});
afterEach(() => rm(directory, { recursive: true, force: true }));

/** As the catcher keeps it. @returns its id. */
async function kept(message: string | Buffer, { from = 'shop@example.org', recipients = ['ada@example.com'] } = {}): Promise<string> {
  const stream = Object.assign(Readable.from([Buffer.from(message)]), { sizeExceeded: false });
  return (await keepMessage(directory, { from, recipients, stream })).replace('.eml', '');
}

const named = (number: number) => `20261122T1200${String(number).padStart(2, '0')}000Z-0123456789ab`;
const everything = { search: '', offset: 0, limit: 50 };

async function parsed(message: string | Buffer) {
  const found = await mailbox.get(await kept(message));
  if (found === undefined) throw new Error('It is not there');
  return found;
}

describe('the mailbox', () => {
  test('lists the newest first, a page at a time, with sender, subject, time, and the recipients of the envelope', async () => {
    for (const number of [2, 0, 1])
      await writeFile(
        join(directory, `${named(number)}.eml`),
        `Return-Path: <b@example.org>\r\nDelivered-To: ada@example.com\r\nDelivered-To: bob@example.com\r\nFrom: =?utf-8?Q?M=C3=BCller?= <shop@example.org>\r\nTo: all@example.com\r\nSubject: Nr ${String(number)}\r\n\r\nHi\r\n`,
      );
    const { items, total } = await mailbox.list({ search: '', offset: 0, limit: 2 });
    expect([total, items.map(({ subject }) => subject)]).toEqual([3, ['Nr 2', 'Nr 1']]);
    expect(items[0]).toEqual({
      ...{ id: named(2), at: new Date('2026-11-22T12:00:02.000Z') },
      ...{ from: 'Müller <shop@example.org>', subject: 'Nr 2', recipients: ['ada@example.com', 'bob@example.com'] },
    });
    expect((await mailbox.list({ search: '', offset: 2, limit: 2 })).items.map(({ subject }) => subject)).toEqual(['Nr 0']);
  });

  test('finds all words of a search in subject, sender and recipients', async () => {
    await kept('From: Shop <shop@example.org>\r\nSubject: Your ORDER 17\r\n\r\n');
    await kept('Subject: Your order 18\r\n\r\n', { recipients: ['grace@example.com'] });
    const subjects = async (search: string) => (await mailbox.list({ ...everything, search })).items.map(({ subject }) => subject);
    expect(await subjects('order shop@')).toEqual(['Your ORDER 17']);
    expect(await subjects('GRACE')).toEqual(['Your order 18']);
    expect(await subjects('order nobody')).toEqual([]);
  });

  test('gives the parts of a message, its envelope and its bytes', async () => {
    const source = [
      ...['From: a@example.org', 'To: Ada <ada@example.com>', 'Subject: Parts', 'Content-Type: multipart/mixed; boundary=b', '', '--b'],
      ...['Content-Type: multipart/alternative; boundary=c', '', '--c', 'Content-Type: text/plain', '', 'Hi', '--c'],
      ...['Content-Type: text/html', '', '<p>Hi</p>', '--c--', '--b'],
      ...['Content-Type: image/png', 'Content-ID: <logo@x>', 'Content-Transfer-Encoding: base64', '', 'QUJD', '--b'],
      ...['Content-Type: message/rfc822', '', 'Subject: within', '', 'inner', '--b--', ''],
    ].join('\r\n');
    const id = await kept(source, { from: '', recipients: ['ada@example.com', 'hidden@example.com'] });
    const message = await mailbox.get(id);
    expect(message).toMatchObject({
      ...{ id, subject: 'Parts', from: 'a@example.org', to: 'Ada <ada@example.com>', unreadable: undefined },
      ...{ returnPath: '', recipients: ['ada@example.com', 'hidden@example.com'], text: 'Hi\n', html: '<p>Hi</p>\n' },
    });
    expect(message?.attachments.map(({ content, ...rest }) => [rest, Buffer.from(content).toString()])).toEqual([
      [{ name: 'part-1', contentType: 'image/png', contentId: 'logo@x' }, 'ABC'],
      [{ name: 'part-2', contentType: 'message/rfc822', contentId: undefined }, 'Subject: within\n\ninner\n'],
    ]);
    expect((await mailbox.source(id))?.toString()).toBe(
      `Return-Path: <>\r\nDelivered-To: ada@example.com\r\nDelivered-To: hidden@example.com\r\n${source}`,
    );
  });

  test('removes one message, or all, and no other file', async () => {
    const [first] = [await kept('Subject: 1\r\n\r\n'), await kept('Subject: 2\r\n\r\n'), await kept('Subject: 3\r\n\r\n')];
    await writeFile(join(directory, 'notes.txt'), 'mine');
    await mailbox.remove(first);
    await mailbox.remove(first);
    expect((await mailbox.list(everything)).items.map(({ subject }) => subject)).toEqual(['3', '2']);
    await mailbox.removeAll();
    expect(await readdir(directory)).toEqual(['notes.txt']);
  });

  test.each(['../notes', 'notes', '..%2Fnotes', `../mail/${named(1)}`, `${named(1)}.eml`, '', '__proto__'])(
    'has no message called %j',
    async (id) => {
      await writeFile(join(directory, 'notes.eml'), 'mine');
      await writeFile(join(directory, `${named(1)}.eml`), 'Subject: 1\r\n\r\n');
      expect([await mailbox.get(id), await mailbox.source(id)]).toEqual([undefined, undefined]);
      await mailbox.remove(id);
      expect(await readdir(directory)).toHaveLength(2);
    },
  );

  test('is empty without its directory', async () => {
    expect(await createMailbox(join(directory, 'none')).list(everything)).toEqual({ items: [], total: 0, found: 0 });
  });
});

describe('a message that is made to harm', () => {
  const multipart = (parts: string) => `Subject: odd\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n${parts}`;

  test('has its headers and its source only, when it has a million lines', async () => {
    const message = await parsed(multipart('--b\r\n'.repeat(1_000_000)));
    expect(message).toMatchObject({ subject: 'odd', attachments: [], text: undefined, unreadable: 'It has too many lines.' });
  });

  test('has its headers and its source only, when thousands of parts each open another level', async () => {
    const parts = Array.from({ length: 5_000 }, (_, n) => `--b\r\nContent-Type: multipart/mixed; Boundary="c${String(n)}"\r\n\r\n`);
    expect(await parsed(multipart(parts.join('')))).toMatchObject({ subject: 'odd', unreadable: 'It has too many parts within parts.' });
  });

  test('has its headers and its source only, when it is nested too deeply', async () => {
    const levels = Array.from(
      { length: 100 },
      (_, n) => `Content-Type: multipart/mixed; boundary=c${String(n)}\r\n\r\n--c${String(n)}\r\n`,
    );
    expect(await parsed(`Subject: odd\r\n${levels.join('')}`)).toMatchObject({ subject: 'odd', unreadable: expect.any(String) });
  });

  test('may have ten thousand attachments', async () => {
    const part = '--b\r\nContent-Type: image/png\r\nContent-Disposition: attachment; filename=a.png\r\n\r\nx\r\n';
    expect((await parsed(multipart(part.repeat(10_000)))).attachments).toHaveLength(10_000);
  });

  test.each([
    ['no such charset', 'Content-Type: text/plain; charset=x-no-such\r\n\r\nHi \xff'],
    ['bytes that are none of the charset', 'Content-Type: text/plain; charset=utf-8\r\n\r\nHi \xff\xfe'],
    ['broken base 64', 'Content-Transfer-Encoding: base64\r\nContent-Type: text/plain\r\n\r\nSGk=%%%='],
    ['a boundary that never comes', 'Content-Type: multipart/mixed; boundary=nowhere\r\n\r\nHi'],
    ['no header', '\r\nHi'],
    ['nothing', ''],
    ['one header without end', `Subject: ${'x'.repeat(5_000_000)}`],
    ['a date that is none, and the same header often', 'Date: x\r\nSubject: a\r\nSubject: b\r\nFrom: <<<>>>,;:@\r\n\r\n'],
    ['NUL and control characters', 'Subject: a\0b\x1b[31m\r\n\r\n\0'],
  ])('is shown as far as it goes: %s', async (_what, source) => {
    expect(typeof (await parsed(Buffer.from(source, 'latin1'))).subject).toBe('string');
    expect((await mailbox.list(everything)).items).toHaveLength(1);
  });

  test('can not put a recipient into the envelope of others by a header after its own', async () => {
    const { recipients, returnPath } = await parsed(
      'From: a@example.org\r\nDelivered-To: forged@example.com\r\nReturn-Path: <forged@x>\r\n\r\n',
    );
    expect([recipients, returnPath]).toEqual([['ada@example.com'], 'shop@example.org']);
  });
});
