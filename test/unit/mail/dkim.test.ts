import { afterEach, describe, expect, test } from '@jest/globals';
import { createHash, createVerify, generateKeyPairSync, type KeyObject } from 'node:crypto';

import type { OutgoingMessage } from '../../../activities/mail-ports.ts';
import { createSmtpSender } from '../../../src/mail/smtp.ts';
import { startMailServer } from '../../support/mail-server.ts';

const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const dkim = { domain: 'example.org', selector: 's1', key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() };

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** What the server gets of these messages. */
async function received(...messages: Partial<OutgoingMessage>[]): Promise<string[]> {
  const server = await startMailServer();
  closing.push(() => server.close());
  const sender = createSmtpSender({ url: `smtp://127.0.0.1:${String(server.port)}`, dkim });
  closing.push(() => sender.close());
  for (const changes of messages) {
    const message: OutgoingMessage = {
      from: { address: 'shop@example.org' },
      recipient: 'ada@example.com',
      to: [{ address: 'ada@example.com' }],
      subject: 'Grüße  und   mehr',
      text: 'Hi  there \n.dot\n\n\nZażółć\n\n\n',
      html: '<p>Hi</p>\n',
      headers: [
        ['List-Unsubscribe', `<https://example.org/unsubscribe/${'a'.repeat(150)}>`],
        ['List-Unsubscribe-Post', 'List-Unsubscribe=One-Click'],
      ],
      category: 'bulk',
      messageId: '<0123456789abcdef@example.org>',
      date: new Date('2026-11-22T12:00:00.000Z'),
      ...changes,
    };
    await sender.send(message, { signal: new AbortController().signal, beforeContent: () => Promise.resolve() });
  }
  return server.received.map(({ raw }) => raw.toString('latin1'));
}

/** RFC 6376, 3.4.2. */
const relaxed = (field: string) =>
  `${field.slice(0, field.indexOf(':')).trim().toLowerCase()}:${field
    .slice(field.indexOf(':') + 1)
    .replace(/\r\n/g, '')
    .replace(/[ \t]+/g, ' ')
    .trim()}`;

/** RFC 6376, 3.4.4. */
function relaxedBody(body: string): string {
  const lines = body.split('\r\n').map((line) => line.replace(/[ \t]+/g, ' ').replace(/ $/, ''));
  while (lines.at(-1) === '') lines.pop();
  return lines.length === 0 ? '' : `${lines.join('\r\n')}\r\n`;
}

/** A verifier of our own, by the RFC alone. @returns the fields that the signature covers; undefined: it is not valid. */
function verified(raw: string, key: KeyObject): string[] | undefined {
  const end = raw.indexOf('\r\n\r\n');
  const fields = raw.slice(0, end).split(/\r\n(?![ \t])/);
  const signature = fields.find((field) => /^dkim-signature:/i.test(field)) ?? '';
  const tags = Object.fromEntries(
    relaxed(signature)
      .slice('dkim-signature:'.length)
      .split(';')
      .map((tag) => [tag.slice(0, tag.indexOf('=')).trim(), tag.slice(tag.indexOf('=') + 1).replace(/\s/g, '')]),
  ) as Record<string, string>;
  expect(tags).toMatchObject({ v: '1', a: 'rsa-sha256', c: 'relaxed/relaxed', d: 'example.org', s: 's1' });
  expect(Object.keys(tags)).not.toContain('t');
  const hash = createHash('sha256')
    .update(relaxedBody(raw.slice(end + 4)), 'latin1')
    .digest('base64');
  if (hash !== tags['bh']) return undefined;
  const names = (tags['h'] ?? '').split(':').map((name) => name.toLowerCase());
  const covered = names.map((name) => relaxed(fields.findLast((field) => field.toLowerCase().startsWith(`${name}:`)) ?? ''));
  const unsigned = relaxed(signature.replace(/(;\s*b=)[\s\S]*$/, '$1'));
  const verify = createVerify('sha256').update([...covered, unsigned].join('\r\n'), 'latin1');
  return verify.verify(key, tags['b'] ?? '', 'base64') ? names : undefined;
}

describe('a message of the domain that has a key', () => {
  test('is signed, and the signature covers what it is judged by', async () => {
    const [raw = ''] = await received({});
    expect(verified(raw, publicKey)).toEqual(
      expect.arrayContaining(['from', 'to', 'subject', 'date', 'message-id', 'list-unsubscribe', 'list-unsubscribe-post']),
    );
  });

  test('does not verify once a covered part of it is changed, or with another key', async () => {
    const [raw = ''] = await received({});
    for (const [from, to] of [
      ['shop@example.org', 'shed@example.org'],
      ['One-Click', 'Two-Click'],
      ['<p>Hi</p>', '<p>Ho</p>'],
    ] as const)
      expect(verified(raw.replace(from, to), publicKey)).toBeUndefined();
    expect(verified(raw, generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey)).toBeUndefined();
  });

  test('has the same bytes in every attempt', async () => {
    const [first, second] = await received({}, {});
    expect(first).toMatch(/^DKIM-Signature: /im);
    expect(second).toBe(first);
  });
});

test.each(['shop@example.com', 'shop@mail.example.org', 'shop@notexample.org'])(
  'a message from %s is not signed: a signature of another domain says nothing about it',
  async (address) => {
    const [raw] = await received({ from: { address } });
    expect(raw).not.toMatch(/^DKIM-Signature/im);
  },
);
