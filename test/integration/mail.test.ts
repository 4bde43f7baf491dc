import { afterEach, describe, expect, test } from '@jest/globals';
import PostalMime from 'postal-mime';

import type { MailSender } from '../../activities/mail-ports.ts';
import { createSmtpSender } from '../../src/mail/smtp.ts';
import { freely, outgoing as message, reply, startMailServer, startRawServer, untilData } from '../support/mail-server.ts';

const open: { close(): Promise<void> }[] = [];

/** Closed after the test, senders first. */
function using<T extends { close(): Promise<void> }>(resource: T): T {
  open.unshift(resource);
  return resource;
}

afterEach(async () => {
  for (const resource of open.splice(0)) await resource.close();
});

function senderTo(port: number, { login = '', query = '', maxConnections = 5 } = {}): MailSender {
  return using(createSmtpSender({ url: `smtp://${login}127.0.0.1:${String(port)}${query}`, maxConnections }));
}

describe('what the server gets', () => {
  test('is the message as asked for, in an envelope with one recipient', async () => {
    const server = using(await startMailServer());
    const sent = await senderTo(server.port).send(message(), freely());
    expect(sent.response).toBe('250 taken');
    expect(server.received).toMatchObject([{ from: 'shop@example.org', recipients: ['ada@example.com'] }]);
    const mail = await PostalMime.parse(server.received[0]?.raw ?? '');
    expect(mail).toMatchObject({
      from: { address: 'shop@example.org', name: '' },
      to: [{ address: 'ada@example.com' }, { address: 'bob@example.com' }],
      subject: 'Hello',
      messageId: '<0123456789abcdef@example.org>',
      date: '2026-11-22T12:00:00.000Z',
      text: 'Hi\n',
    });
    expect(mail.headers.map(({ key }) => key)).not.toContain('x-mailer');
  });

  test('has text and HTML as alternatives, with nothing lost outside ASCII', async () => {
    const server = using(await startMailServer());
    const subject = 'Grüße aus Tromsø 🦌 — 北京';
    const text = 'Zażółć gęślą jaźń\n.\n..two dots\n\nFrom here on: 日本語 🎉';
    const html = '<p>Zażółć <b>gęślą</b> jaźń 🎉</p>\n<p>.</p>';
    await senderTo(server.port).send(message({ subject, text, html }), freely());
    const raw = server.received[0]?.raw ?? Buffer.alloc(0);
    const mail = await PostalMime.parse(raw);
    expect(raw.toString()).toMatch(/^Content-Type: multipart\/alternative;/m);
    expect({ subject: mail.subject, text: mail.text?.trimEnd(), html: mail.html?.trimEnd() }).toEqual({ subject, text, html });
  });

  test('is byte for byte the same in every attempt', async () => {
    const server = using(await startMailServer());
    const again = message({ text: 'Grüße', html: '<p>Grüße</p>' });
    await senderTo(server.port).send(again, freely());
    await senderTo(server.port).send(again, freely());
    const [first, second] = server.received;
    expect(first?.raw.length).toBeGreaterThan(0);
    expect(second?.raw.equals(first?.raw ?? Buffer.alloc(0))).toBe(true);
  });

  test('comes over few connections, however many messages there are', async () => {
    const server = using(await startMailServer());
    const sender = senderTo(server.port, { maxConnections: 3 });
    const recipients = Array.from({ length: 150 }, (_, n) => `user${String(n)}@example.com`);
    await Promise.all(recipients.map((recipient) => sender.send(message({ recipient }), freely())));
    expect(server.received.flatMap((mail) => mail.recipients).sort()).toEqual([...recipients].sort());
    expect(server.connections()).toBeLessThanOrEqual(3);
  });
});

describe('the word that the content leaves', () => {
  test.each([
    ['is given only after the server has agreed to it', false],
    ['may be given while the server is asked, where that is allowed', true],
  ])('%s', async (_title, early) => {
    const words: string[] = [];
    const server = using(
      await startMailServer({
        onMailFrom: (_address, _session, done) => {
          // Whatever was to be said before has been said.
          setTimeout(() => {
            words.push('agreed');
            done();
          }, 100);
        },
      }),
    );
    const beforeContent = () => Promise.resolve(void words.push('leaves'));
    await senderTo(server.port).send(message(), { ...freely(), beforeContent, early });
    expect(words).toEqual(early ? ['leaves', 'agreed'] : ['agreed', 'leaves']);
  });
});

describe('how a failure is told', () => {
  test.each([
    [
      '450 at RCPT',
      'mail_refused_for_now',
      '450 greylisted',
      {
        onRcptTo: (_a, _s, done) => {
          done(reply(450, 'greylisted'));
        },
      },
    ],
    [
      '550 at RCPT',
      'recipient_rejected',
      '550 5.1.1 no such user',
      {
        onRcptTo: (_a, _s, done) => {
          done(reply(550, '5.1.1 no such user'));
        },
      },
    ],
    [
      '421 at the greeting',
      'mail_refused_for_now',
      '421 too busy',
      {
        onConnect: (_s, done) => {
          done(reply(421, 'too busy'));
        },
      },
    ],
    [
      '552 after DATA',
      'mail_rejected',
      '552 too large',
      {
        onData: (stream, _s, done) => {
          stream.resume().on('end', () => {
            done(reply(552, 'too large'));
          });
        },
      },
    ],
  ] satisfies [string, string, string, Parameters<typeof startMailServer>[0]][])('%s', async (_, code, text, handlers) => {
    const server = using(await startMailServer(handlers));
    await expect(senderTo(server.port).send(message(), freely())).rejects.toMatchObject({
      code,
      message: text,
      retryable: code === 'mail_refused_for_now',
    });
  });

  test('535 at AUTH: our settings, with the password left out', async () => {
    const server = using(
      await startMailServer({
        disabledCommands: ['STARTTLS'],
        allowInsecureAuth: true,
        onAuth: ({ username, password }, _session, done) => {
          done(reply(535, `5.7.8 no login for ${String(username)} with ${String(password)}`));
        },
      }),
    );
    const sender = senderTo(server.port, { login: 'robot:s%3Ccret@' });
    await expect(sender.send(message(), freely())).rejects.toMatchObject({
      code: 'mail_configuration',
      message: '535 5.7.8 no login for *** with ***',
      retryable: true,
      cause: undefined,
    });
  });

  test('nobody listens: unreachable', async () => {
    const server = await startMailServer();
    await server.close();
    await expect(senderTo(server.port).send(message(), freely())).rejects.toMatchObject({
      code: 'mail_server_unreachable',
      message: expect.stringMatching(/^The mail server could not be reached.*: ECONNREFUSED$/),
      retryable: true,
    });
  });

  test.each(['greetingTimeout', 'connectionTimeout', 'socketTimeout'])('a server that goes silent: unreachable, by %s', async (limit) => {
    const server = using(await startRawServer(() => undefined));
    const sender = senderTo(server.port, { query: `?${limit}=300` });
    await expect(sender.send(message(), freely())).rejects.toMatchObject({ code: 'mail_server_unreachable', retryable: true });
  });

  test('a connection reset after the whole message: in doubt', async () => {
    let handedOver = 0;
    const server = using(
      await startRawServer(
        untilData((socket) => {
          handedOver += 1;
          socket.resetAndDestroy();
        }),
      ),
    );
    await expect(senderTo(server.port).send(message(), freely())).rejects.toMatchObject({
      code: 'delivery_in_doubt',
      message: expect.stringContaining('may have been taken'),
      retryable: true,
    });
    expect(handedOver).toBe(1);
  });

  test('one refused message leaves the next ones alone', async () => {
    const server = using(
      await startMailServer({
        onRcptTo: ({ address }, _session, done) => {
          done(address.startsWith('no') ? reply(550, 'no') : null);
        },
      }),
    );
    const sender = senderTo(server.port, { maxConnections: 1 });
    const outcomes = await Promise.allSettled(
      ['yes1', 'no', 'yes2'].map((name) => sender.send(message({ recipient: `${name}@example.com` }), freely())),
    );
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(server.connections()).toBe(1);
  });
});

describe('breaking off', () => {
  test('before the start: rejects with the reason and never connects', async () => {
    const server = using(await startMailServer());
    const reason = new Error('cancelled');
    await expect(senderTo(server.port).send(message(), freely(AbortSignal.abort(reason)))).rejects.toBe(reason);
    expect(server.connections()).toBe(0);
  });

  test('while the server has not asked for the message: rejects with the reason', async () => {
    const server = using(await startRawServer(() => undefined));
    const cancel = new AbortController();
    const reason = new Error('cancelled');
    const outcome = senderTo(server.port)
      .send(message(), freely(cancel.signal))
      .catch((error: unknown) => error);
    await server.connected();
    cancel.abort(reason);
    expect(await outcome).toBe(reason);
  });

  test('once the message is under way: waits for the reply', async () => {
    const cancel = new AbortController();
    const server = using(
      await startRawServer(
        untilData((socket) => {
          cancel.abort(new Error('cancelled'));
          setImmediate(() => socket.write('250 taken all the same\r\n'));
        }),
      ),
    );
    await expect(senderTo(server.port).send(message(), freely(cancel.signal))).resolves.toEqual({
      response: '250 taken all the same',
      provider: 'smtp',
    });
  });

  test('closing: a message under way gets its reply, a waiting one is refused for another attempt', async () => {
    const sender: { close?: Promise<void> } = {};
    const server = using(
      await startRawServer(
        untilData((socket) => {
          sender.close = mail.close();
          setImmediate(() => socket.write('250 taken\r\n'));
        }),
      ),
    );
    const mail = senderTo(server.port, { maxConnections: 1 });
    const outcomes = await Promise.allSettled([mail.send(message(), freely()), mail.send(message(), freely())]);
    await sender.close;
    expect(outcomes).toMatchObject([
      { status: 'fulfilled', value: { response: '250 taken' } },
      { status: 'rejected', reason: { code: 'mail_server_unreachable', retryable: true } },
    ]);
  });
});
