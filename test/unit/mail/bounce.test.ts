import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';

import { AppError } from '../../../src/errors.ts';
import { readBytes, readReport } from '../../../src/mail/bounce.ts';
import {
  complaint,
  type DsnChanges,
  eximBounce,
  exchangeBounce,
  gmailBounce,
  postfixBounce,
  postfixDsn,
  postfixHeadersOnly,
  reportedId,
} from '../../support/reports.ts';

const read = (text: string) => readReport(Buffer.from(text));
const bounced = { kind: 'bounce', recipients: ['ada@example.com'], messages: [reportedId] };

describe('a delivery status', () => {
  test.each([
    ['Postfix', postfixBounce, ['ada@example.com', 'ada@example.com']],
    ['Postfix with headers only', postfixHeadersOnly, ['ada@example.com', 'ada@example.com']],
    ['Exim', eximBounce, ['ada@example.com']],
    ['Exchange', exchangeBounce, ['ada@example.com', 'ada.lovelace@example.com']],
    ['Gmail', gmailBounce, ['ada@example.com']],
  ])('as %s writes it tells of the recipient and the message', async (_name, text, recipients) => {
    expect(await read(text)).toEqual([{ ...bounced, recipients }]);
    // Some gateways change the ends of lines.
    expect(await read(text.replaceAll('\r\n', '\n'))).toEqual([{ ...bounced, recipients }]);
  });

  test.each([
    ['5.1.2', 'smtp; 550 5.1.2 unknown domain'],
    ['5.1.3', 'smtp; 501 5.1.3 bad address syntax'],
    ['5.1.6', 'smtp; 551 5.1.6 has moved'],
    ['5.2.1', 'smtp; 550 5.2.1 mailbox disabled'],
    ['5.0.0', 'smtp; 550 5.1.1 ada'],
    ['5.0.0', 'smtp; 554 Unknown user: ada'],
    ['5.1.1 (bad mailbox)', 'x'],
  ])('is for good with %s, "%s"', async (status, diagnostic) => {
    expect(await read(postfixDsn({ status, diagnostic }))).toHaveLength(1);
  });

  test.each<[string, DsnChanges]>([
    ['a delay', { action: 'delayed', status: '4.4.1', diagnostic: 'smtp; 451 4.4.1 later' }],
    ['a delay with the status of a failure', { action: 'delayed' }],
    ['a delivery', { action: 'delivered', status: '2.1.5', diagnostic: 'smtp; 250 ok' }],
    ['a relay', { action: 'relayed', status: '2.0.0', diagnostic: 'smtp; 250 ok' }],
    ['a full mailbox', { status: '5.2.2', diagnostic: 'smtp; 552 5.2.2 mailbox full' }],
    ['a failure that may pass', { status: '4.4.7', diagnostic: 'smtp; 451 timed out' }],
    ['a policy', { status: '5.7.1', diagnostic: 'smtp; 550 5.7.1 looks like spam' }],
    ['a message that is too large', { status: '5.3.4', diagnostic: 'smtp; 552 5.3.4 too big' }],
    ['a name server that failed', { status: '5.4.4', diagnostic: 'X-Postfix; Host not found' }],
    ['a refused sender', { status: '5.1.8', diagnostic: 'smtp; 550 5.1.8 sender domain' }],
    ['a policy in the words', { status: '5.0.0', diagnostic: 'smtp; 550 5.7.1 user unknown to us as a friend' }],
    ['nothing known', { status: '5.0.0', diagnostic: 'smtp; 550 rejected' }],
    ['no status', { status: '', diagnostic: '' }],
    ['no recipient', { recipient: 'X-Recipient: ada@example.com' }],
    ['a recipient of another kind', { recipient: 'Final-Recipient: x400; /C=GB/S=Ada/' }],
    ['several in one', { recipient: 'Final-Recipient: rfc822; ada@example.com, eve@example.com' }],
  ])('about %s holds nobody back', async (_name, changes) => {
    expect(await read(postfixDsn(changes))).toEqual([]);
  });

  test('of several recipients tells of each that failed', async () => {
    const two =
      'Final-Recipient: rfc822; bob@example.com\r\nAction: delayed\r\nStatus: 4.2.2\r\n\r\nFinal-Recipient: rfc822; ada@example.com';
    expect(await read(postfixDsn({ recipient: two }))).toEqual([bounced]);
  });

  test('without the message that it is about names none', async () => {
    const withoutId = postfixDsn({ returned: 'Subject: Hello\r\n\r\nMessage-ID: <of-the-text@example.org>' });
    expect(await read(withoutId)).toMatchObject([{ messages: [] }]);
    expect(await read(postfixDsn({ returnedType: 'application/octet-stream' }))).toMatchObject([{ messages: [] }]);
  });
});

describe('a complaint', () => {
  test('as RFC 5965 has it tells of the recipient and the message', async () => {
    expect(await read(complaint())).toEqual([{ ...bounced, kind: 'complaint' }]);
    expect(await read(complaint({ recipients: ['ada@example.com', 'bob@example.com'] }))).toMatchObject([
      { recipients: ['ada@example.com', 'bob@example.com'] },
    ]);
  });

  test('that hides the recipient tells of whom the message was to', async () => {
    expect(await read(complaint({ recipients: [] }))).toEqual([{ ...bounced, kind: 'complaint' }]);
  });

  test.each(['not-spam', 'other', 'auth-failure', ''])('of type "%s" is none', async (type) => {
    expect(await read(complaint({ type }))).toEqual([]);
  });
});

describe('hostile mail', () => {
  test.each([
    ['nothing', ''],
    ['a text', 'Subject: Out of office\r\n\r\nFinal-Recipient: rfc822; ada@example.com\r\nAction: failed\r\nStatus: 5.1.1\r\n'],
    ['a report that ends too soon', postfixBounce.slice(0, 900)],
    ['a boundary that never comes', 'Content-Type: multipart/report; boundary=x\r\n\r\n--y\r\n'],
    ['only NUL', '\0'.repeat(1_000)],
  ])('that is %s says nothing', async (_name, text) => {
    expect(await read(text)).toEqual([]);
  });

  test('that is nested too deep, or has too many headers, is refused', async () => {
    const deep = Array.from(
      { length: 200 },
      (_, level) => `Content-Type: multipart/mixed; boundary=b${String(level)}\r\n\r\n--b${String(level)}\r\n`,
    );
    await expect(read(deep.join(''))).rejects.toMatchObject({ code: 'invalid_request' });
    await expect(read(`X-Long: ${'x'.repeat(300_000)}\r\n\r\n`)).rejects.toMatchObject({ code: 'invalid_request' });
    await expect(read('X: x\r\n'.repeat(100_000))).rejects.toMatchObject({ code: 'invalid_request' });
  });

  test('is read to its first mebibyte only', async () => {
    const returned = `Message-ID: ${reportedId}\r\n\r\n${'x'.repeat(3 * readBytes)}`;
    expect(await read(postfixDsn({ returned }))).toMatchObject([{ messages: [reportedId] }]);
    expect(await read(`Subject: x\r\n\r\n${'x'.repeat(readBytes)}\r\n${postfixBounce}`)).toEqual([]);
  });

  test('never leads to another error, whatever is cut out of it, put into it or repeated', async () => {
    const sources = [postfixBounce, eximBounce, exchangeBounce, gmailBounce, complaint()];
    const junk = fc.oneof(
      fc.string({ maxLength: 40, unit: 'binary' }),
      fc.constantFrom(
        '\r\n\r\n',
        '--',
        '\0',
        'Content-Type: multipart/mixed; boundary=x\r\n',
        'Action: failed\r\n',
        ';'.repeat(500),
        '='.repeat(500),
      ),
    );
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...sources), fc.nat(4_000), fc.nat(400), junk, fc.nat(3), async (text, at, cut, put, times) => {
        const broken = text.slice(0, at) + put.repeat(times) + text.slice(at + cut);
        const events = await read(broken).catch((error: unknown) => {
          if (error instanceof AppError) return [];
          throw error;
        });
        for (const { recipients } of events) for (const recipient of recipients) expect(recipient).toMatch(/^[^\s<>;]+@[^\s<>;]+$/);
      }),
      { numRuns: 300, seed: 20_261_122 },
    );
  });
});
