import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import type { OutgoingMessage } from '../../activities/mail-ports.ts';
import { createSmtpSender } from '../../src/mail/smtp.ts';
import { eventually } from '../support/eventually.ts';
import { freely, outgoing, startMailServer } from '../support/mail-server.ts';
import { startPostfix, whyNoPostfix } from '../support/postfix.ts';

const missing = await whyNoPostfix();
const what = `a real mail server, Postfix${missing === undefined ? '' : ` (skipped: ${missing})`}`;

/** What a server adds in front (RFC 5321, 4.4), and what Postfix adds with it. */
const trace = /^(?:(?:Return-Path|X-Original-To|Delivered-To|Received):.*\n(?:[ \t].*\n)*)+/;

(missing === undefined ? describe : describe.skip)(what, () => {
  let postfix: Awaited<ReturnType<typeof startPostfix>>;
  beforeAll(async () => {
    postfix = await startPostfix({ users: ['ada', 'bob'], messageSizeLimit: 200_000 });
  });
  afterAll(() => postfix.stop());

  async function send(port: number, message: OutgoingMessage) {
    const sender = createSmtpSender({ url: `smtp://127.0.0.1:${String(port)}` });
    return sender.send(message, freely()).finally(() => sender.close());
  }

  test('delivers a message byte for byte as it was sent, behind its own trace lines, to the one recipient', async () => {
    const message = outgoing({
      subject: 'Grüße, and a subject that is so long that it has to be folded somewhere between its beginning and its end',
      text: `.\r\n..\r\nFrom nobody\r\n.\r\nQUIT\r\nÄÖÜ ${'x'.repeat(2_000)}\r\n \r\nlast `,
      html: `<p>${'Grüße '.repeat(500)}</p>`,
    });
    const plain = await startMailServer();
    await send(plain.port, message).finally(() => plain.close());
    expect((await send(postfix.port, message)).response).toMatch(/^250 2\.0\.0 Ok: queued as /);
    const [delivered = ''] = await eventually(async () => {
      const found = await postfix.mailbox('ada');
      expect([found.length, found.length === 0 ? await postfix.log() : '']).toEqual([1, '']);
      return found;
    });
    expect(delivered).toMatch(/^Return-Path: <shop@example\.org>\nX-Original-To: ada@example\.com\nDelivered-To: ada@example\.com\n/);
    expect(delivered.replace(trace, '')).toBe(plain.received[0]?.raw.toString('latin1').replaceAll('\r\n', '\n'));
    expect(await postfix.mailbox('bob')).toEqual([]);
  });

  test('knows no such user: 550, for good, and it is the recipient that is wrong', async () => {
    await expect(send(postfix.port, outgoing({ recipient: 'nobody@example.com' }))).rejects.toMatchObject({
      code: 'recipient_rejected',
      retryable: false,
      message: expect.stringMatching(/^550 5\.1\.1 <nobody@example\.com>: Recipient address rejected: User unknown/),
    });
  });

  test('relays to nobody else: refused for good', async () => {
    await expect(send(postfix.port, outgoing({ recipient: 'ada@example.net' }))).rejects.toMatchObject({
      retryable: false,
      message: expect.stringMatching(/^554 5\.7\.1 .*Relay access denied/),
    });
  });

  test('takes no message above its limit: 552, for good, and it is the message that is wrong', async () => {
    await expect(send(postfix.port, outgoing({ text: `${'x'.repeat(70)}\r\n`.repeat(4_000) }))).rejects.toMatchObject({
      code: 'mail_rejected',
      retryable: false,
      message: expect.stringMatching(/^552 5\.3\.4 /),
    });
  });
});
