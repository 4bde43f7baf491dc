import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import PostalMime from 'postal-mime';

import type { MailSender, OutgoingMessage } from '../../activities/mail-ports.ts';
import { createSmtpSender } from '../../src/mail/smtp.ts';
import { emailRequest } from '../../src/jobs/email.ts';
import { freely, outgoing, startMailServer } from '../support/mail-server.ts';

const ending = fc.constantFrom(
  ...[
    '\r\n',
    '\n',
    '\r',
    '\r\n\r\n',
    '\u0085',
    '\u2028',
    '\0',
    ',',
    ';',
    ' ',
    '>',
    '<',
    '"',
    '\\',
    '(',
    ')',
    '\r\n.\r\n',
    '=0A',
    '@',
    '＠',
  ],
);
const order = fc.constantFrom(
  ...['Bcc: eve@evil.example', 'To: eve@evil.example', 'eve@evil.example', '@evil.example', 'RCPT TO:<eve@evil.example>', 'NOTIFY=SUCCESS'],
);
const injection = fc
  .array(fc.oneof(ending, order, fc.string({ unit: 'binary', maxLength: 8 })), { minLength: 1, maxLength: 6 })
  .map((parts) => parts.join(''));

let server: Awaited<ReturnType<typeof startMailServer>>;
let sender: MailSender;

beforeEach(async () => {
  server = await startMailServer();
  sender = createSmtpSender({ url: `smtp://127.0.0.1:${String(server.port)}` });
});

afterEach(async () => {
  await sender.close();
  await server.close();
});

/** Sends past the request's schema, which would have refused most of these. */
async function attempt(changes: Partial<OutgoingMessage>) {
  server.received.length = 0;
  const message = outgoing({ to: [{ address: 'ada@example.com' }], ...changes });
  const refusal = await sender.send(message, freely()).then(
    () => undefined,
    (error: unknown) => error as { code: string; retryable: boolean },
  );
  const mails = await Promise.all(server.received.map(({ raw }) => PostalMime.parse(raw)));
  return { message, refusal, mails, recipients: server.received.map((mail) => mail.recipients) };
}

/** Domains are matched without regard to case, and nodemailer writes them in lower case. */
function asEnvelope(address: string): string {
  const at = address.lastIndexOf('@');
  return address.slice(0, at) + address.slice(at).toLowerCase();
}

describe('a hostile value', () => {
  test('in the subject reaches nobody else, and becomes no header or body of its own', async () => {
    await fc.assert(
      fc.asyncProperty(injection, async (tail) => {
        const { recipients, mails } = await attempt({ subject: `Hello${tail}` });
        expect(recipients).toEqual([['ada@example.com']]);
        const [mail] = mails;
        expect(mail?.headers.map(({ key }) => key).sort()).toEqual([
          'content-transfer-encoding',
          'content-type',
          'date',
          'from',
          'message-id',
          'mime-version',
          'subject',
          'to',
        ]);
        expect(mail?.to).toEqual([{ address: 'ada@example.com', name: '' }]);
        expect(mail?.text).toBe('Hi\n');
      }),
      { numRuns: 300 },
    );
  });

  test.each(['recipient', 'from', 'to'] as const)('in `%s` reaches exactly the one recipient, or is refused for good', async (field) => {
    await fc.assert(
      fc.asyncProperty(injection, fc.boolean(), async (part, inFront) => {
        const address = inFront ? `${part}ada@example.com` : `ada@example.com${part}`;
        const { message, refusal, recipients, mails } = await attempt({
          [field]: { recipient: address, from: { address }, to: [{ address }] }[field],
        });
        expect([undefined, 'mail_rejected']).toContain(refusal?.code);
        expect(recipients).toEqual(refusal === undefined ? [[asEnvelope(message.recipient)]] : []);
        expect(mails.map(({ to, from }) => [to?.length, from?.address])).toEqual(
          recipients.map(() => [1, asEnvelope(message.from.address)]),
        );
      }),
      { numRuns: 300 },
    );
  });
});

test('every address that a request may hold is taken as it is', async () => {
  const valid = fc.emailAddress().filter((address) => emailRequest.safeParse({ to: [address], subject: '', text: '' }).success);
  await fc.assert(
    fc.asyncProperty(valid, async (recipient) => {
      const { refusal, recipients } = await attempt({ recipient, to: [{ address: recipient }] });
      expect(refusal).toBeUndefined();
      expect(recipients).toEqual([[asEnvelope(recipient)]]);
    }),
    { numRuns: 100 },
  );
});
