import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import PostalMime from 'postal-mime';

import type { MailSender } from '../../activities/mail-ports.ts';
import { startCatcher, type Catcher } from '../../src/mail/catcher.ts';
import { createSmtpSender } from '../../src/mail/smtp.ts';
import { eventually } from '../support/eventually.ts';
import { freely } from '../support/mail-server.ts';

let directory: string;
let catcher: Catcher;
let sender: MailSender;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'handoff-mail-'));
  catcher = await startCatcher({ port: 0, directory });
  sender = createSmtpSender({ url: `smtp://127.0.0.1:${String(catcher.port)}` });
});

afterEach(async () => {
  await sender.close();
  await catcher.close();
  await rm(directory, { recursive: true, force: true });
});

function send(text: string, recipient = 'ada@example.com') {
  const message = {
    from: { address: 'shop@example.org' },
    recipient,
    to: [{ address: recipient }],
    category: 'transactional' as const,
    subject: 'Hello',
    messageId: '<1@example.org>',
    date: new Date(0),
  };
  return sender.send({ ...message, text }, freely());
}

async function caught(): Promise<string[]> {
  const names = await readdir(directory);
  return await Promise.all(names.sort().map((name) => readFile(join(directory, name), 'latin1')));
}

/** Sends lines as they stand, and reads until the server has closed. */
async function talk(...lines: string[]): Promise<string> {
  const socket = connect(catcher.port, '127.0.0.1');
  let heard = '';
  socket.on('data', (chunk) => (heard += chunk.toString()));
  await once(socket, 'data');
  socket.write(lines.map((line) => `${line}\r\n`).join(''));
  await once(socket, 'close');
  return heard;
}

describe('the catcher', () => {
  test('has a file with the envelope in front for every message that it acknowledges', async () => {
    const { response } = await send('Hi');
    const name = /^250 Kept as (\d{8}T\d{9}Z-[0-9a-f]{12}\.eml)$/.exec(response)?.[1] ?? '';
    expect(await readdir(directory)).toEqual([name]);
    const [file = ''] = await caught();
    expect(file.startsWith('Return-Path: <shop@example.org>\r\nDelivered-To: ada@example.com\r\n')).toBe(true);
    expect(await PostalMime.parse(file)).toMatchObject({ subject: 'Hello', text: 'Hi\n', messageId: '<1@example.org>' });
  });

  test('leaves the bytes of a message as they came', async () => {
    const body = ['Subject: raw', '', '..leading dot', '\tbytes \x00\x7f', 'last'];
    const heard = await talk(
      'EHLO test',
      'MAIL FROM:<>',
      'RCPT TO:<a@example.com>',
      'RCPT TO:<b@example.com>',
      'DATA',
      ...body,
      '.',
      'QUIT',
    );
    expect(heard).toMatch(/^250 Kept as /m);
    expect(await caught()).toEqual([
      'Return-Path: <>\r\nDelivered-To: a@example.com\r\nDelivered-To: b@example.com\r\nSubject: raw\r\n\r\n.leading dot\r\n\tbytes \x00\x7f\r\nlast\r\n',
    ]);
  });

  test('keeps many messages apart that come at once', async () => {
    const recipients = Array.from({ length: 60 }, (_, n) => `user${String(n)}@example.com`);
    await Promise.all(recipients.map((recipient) => send('Hi', recipient)));
    const found = (await caught()).map((file) => /^Delivered-To: (.*)\r$/m.exec(file)?.[1]);
    expect(found.sort()).toEqual(recipients.sort());
  });

  test('refuses a message for now when it can not be stored, and takes the next one', async () => {
    await rm(directory, { recursive: true });
    await expect(send('x'.repeat(300_000))).rejects.toMatchObject({
      code: 'mail_refused_for_now',
      message: '451 Message could not be stored, try again later (ENOENT)',
    });
    await writeFile(directory, 'in the way');
    await expect(send('Hi')).rejects.toMatchObject({ code: 'mail_refused_for_now' });
    await rm(directory);
  });

  test('refuses a message of more than 25 MB for good, but not before its end', async () => {
    const socket = connect(catcher.port, '127.0.0.1');
    let heard = '';
    socket.on('data', (chunk) => (heard += chunk.toString()));
    await once(socket, 'data');
    socket.write('EHLO test\r\nMAIL FROM:<>\r\nRCPT TO:<a@example.com>\r\nDATA\r\n');
    await eventually(async () => {
      expect(heard).toContain('354 ');
      expect(await caught()).toHaveLength(1);
    });
    socket.write(`${'x'.repeat(998)}\r\n`.repeat(27_000));
    await eventually(async () => {
      expect(await caught()).toEqual([]);
    });
    // A whole other conversation, in which an early refusal would have arrived.
    expect(await talk('EHLO test', 'QUIT')).toContain('221 ');
    expect(heard).not.toContain('552 ');
    socket.write('.\r\nQUIT\r\n');
    await once(socket, 'close');
    expect(heard).toMatch(/^552 .*\r\n221 /m);
  });

  test('tells a sender that a message is too large', async () => {
    await expect(send(`${'x'.repeat(99)}\n`.repeat(265_000))).rejects.toMatchObject({
      code: 'mail_rejected',
      message: expect.stringMatching(/^552 /),
    });
    expect(await readdir(directory)).toEqual([]);
  });

  test('keeps nothing of a message that was broken off', async () => {
    const socket = connect(catcher.port, '127.0.0.1');
    await once(socket, 'data');
    socket.write('EHLO test\r\nMAIL FROM:<>\r\nRCPT TO:<a@example.com>\r\nDATA\r\nSubject: half\r\n');
    for await (const chunk of socket) if (String(chunk).includes('354 ')) break;
    socket.destroy();
    await catcher.close();
    expect(await readdir(directory)).toEqual([]);
  });

  test('sweeps what a crash left, and only that', async () => {
    await writeFile(join(directory, '.20261122T120000000Z-000000000000.eml.tmp'), 'half');
    await writeFile(join(directory, 'kept.eml'), 'whole');
    const second = await startCatcher({ port: 0, directory });
    await second.close();
    expect(await readdir(directory)).toEqual(['kept.eml']);
  });

  test('tells when its port is taken', async () => {
    await expect(startCatcher({ port: catcher.port, directory })).rejects.toMatchObject({ code: 'EADDRINUSE' });
  });
});
