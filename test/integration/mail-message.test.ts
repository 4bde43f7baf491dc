import { Readable } from 'node:stream';
import { afterEach, describe, expect, test } from '@jest/globals';
import PostalMime from 'postal-mime';

import type { OutgoingMessage } from '../../activities/mail-ports.ts';
import { AppError } from '../../src/errors.ts';
import { createSmtpSender } from '../../src/mail/smtp.ts';
import { freely, outgoing, startMailServer, startRawServer, untilData } from '../support/mail-server.ts';

const open: { close(): Promise<void> }[] = [];
function using<T extends { close(): Promise<void> }>(resource: T): T {
  open.unshift(resource);
  return resource;
}
afterEach(async () => {
  for (const resource of open.splice(0)) await resource.close();
});

const send = (port: number, changes: Partial<OutgoingMessage>) =>
  using(createSmtpSender({ url: `smtp://127.0.0.1:${String(port)}` })).send(outgoing(changes), freely());

describe('an address beyond ASCII', () => {
  const international = { recipient: 'jörg@xn--bcher-kva.example', to: [{ address: 'jörg@xn--bcher-kva.example' }] };

  test('goes with SMTPUTF8 to a server that knows it', async () => {
    const parameters: unknown[] = [];
    const server = using(
      await startMailServer({
        onMailFrom: ({ args }, _session, done) => {
          parameters.push(args);
          done();
        },
      }),
    );
    await send(server.port, international);
    expect(parameters).toEqual([expect.objectContaining({ SMTPUTF8: true })]);
    expect(server.received.map(({ recipients }) => recipients)).toEqual([['jörg@bücher.example']]);
    expect((await PostalMime.parse(server.received[0]?.raw ?? '')).to).toEqual([{ address: 'jörg@bücher.example', name: '' }]);
  });

  test.each([
    ['as recipient', international],
    ['as sender', { from: { address: 'jörg@example.org' } }],
  ])('%s is refused for good, with the reason, where the server does not know SMTPUTF8', async (_what, changes) => {
    const server = using(await startMailServer({ hideSMTPUTF8: true }));
    await expect(send(server.port, changes)).rejects.toMatchObject({
      code: 'mail_rejected',
      retryable: false,
      message: expect.stringContaining('SMTPUTF8'),
    });
    expect(server.received).toEqual([]);
    // Somebody else's address in a header is no reason: it is shown in another way.
    await send(server.port, { to: [{ address: 'ada@example.com' }, { address: 'jörg@example.com' }] });
    expect(server.received.map(({ raw }) => /[^\p{ASCII}]/u.test(raw.toString()))).toEqual([false]);
  });

  test('in its domain alone is asked for in ASCII', async () => {
    const said: string[] = [];
    const server = using(
      await startRawServer((socket) => {
        socket.on('data', (chunk) => said.push(chunk.toString()));
        untilData((open) => open.write('250 taken\r\n'))(socket);
      }),
    );
    await send(server.port, { recipient: 'ada@xn--bcher-kva.example' });
    expect(said.join('')).toContain('RCPT TO:<ada@xn--bcher-kva.example>\r\n');
  });
});

describe('what leaves on the wire', () => {
  test.each(['\n.\n', '\r.\r', '\r\n.\r\n', '\n.\r\n', '\r\n.\n', '\r\n.\r', '\0.\r\n'])(
    'ends lines with CRLF only, and has no dot alone on a line, for a text with %j',
    async (smuggled) => {
      let data = '';
      const server = using(
        await startRawServer((socket) => {
          socket.on('data', (chunk) => (data += chunk.toString('latin1')));
          untilData((open) => open.write('250 taken\r\n'))(socket);
        }),
      );
      const text = `a${smuggled}MAIL FROM:<eve@evil.example>${smuggled}RCPT TO:<eve@evil.example>`;
      await send(server.port, { text, html: `<p>${text}</p>` });
      const message = data.slice(data.indexOf('DATA\r\n') + 6).replace(/QUIT\r\n$/, '');
      expect(message.endsWith('\r\n.\r\n')).toBe(true);
      expect(message.slice(0, -5)).not.toMatch(/\r(?!\n)|(?<!\r)\n|\r\n\.\r\n/);
    },
  );
});

test('a message that loses an attachment on its way is taken by nobody, and fails with the reason', async () => {
  const server = using(await startMailServer());
  const lost = () =>
    Readable.from(
      (function* () {
        yield Buffer.alloc(200_000);
        throw new AppError('file_not_found', 'The bytes of this file are not in the storage.');
      })(),
    );
  const attachments = [{ name: 'a', contentType: 'text/plain', size: 400_000, open: lost }];
  await expect(send(server.port, { attachments })).rejects.toMatchObject({ code: 'file_not_found', retryable: false });
  expect(server.received).toEqual([]);
});

test('an attachment of megabytes arrives byte for byte', async () => {
  const server = using(await startMailServer());
  const bytes = Buffer.from(Array.from({ length: 3_000_001 }, (_, i) => (i * 7919) % 251));
  const attachments = [{ name: 'a.bin', contentType: 'application/octet-stream', size: bytes.length, open: () => Readable.from([bytes]) }];
  await send(server.port, { attachments });
  const [attachment] = (await PostalMime.parse(server.received[0]?.raw ?? '')).attachments;
  expect(Buffer.from(attachment?.content as ArrayBuffer).equals(bytes)).toBe(true);
});
