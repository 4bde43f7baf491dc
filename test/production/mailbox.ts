import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import PostalMime from 'postal-mime';
import { SMTPServer } from 'smtp-server';

export interface CaughtMail {
  recipient: string;
  messageId: string;
  subject: string;
  text: string;
}

export interface Mailbox {
  port: number;
  /** In the order of arrival. */
  mails(recipient?: string): CaughtMail[];
  close(): Promise<void>;
}

/** In Mailpit's place: takes everything, and is not the product's own catcher. */
export async function openMailbox(): Promise<Mailbox> {
  const caught: CaughtMail[] = [];
  const server = new SMTPServer({
    disabledCommands: ['AUTH', 'STARTTLS'],
    disableReverseLookup: true,
    logger: false,
    onData(stream, { envelope }, callback) {
      const keep = async () => {
        const { messageId = '', subject = '', text = '' } = await PostalMime.parse(await buffer(stream));
        for (const { address } of envelope.rcptTo) caught.push({ recipient: address, messageId, subject, text });
      };
      keep().then(
        () => {
          callback();
        },
        (error: unknown) => {
          callback(error instanceof Error ? error : new Error('not stored'));
        },
      );
    },
  });
  // A killed worker breaks its connections.
  server.on('error', () => undefined);
  server.listen(0, '127.0.0.1');
  await once(server.server, 'listening');
  return {
    port: (server.server.address() as AddressInfo).port,
    mails: (recipient) => caught.filter((mail) => recipient === undefined || mail.recipient === recipient),
    close: () =>
      new Promise((resolve) => {
        server.close(resolve);
      }),
  };
}
