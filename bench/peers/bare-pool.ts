import { createTransport } from 'nodemailer';

import { mail, sender } from '../mail.ts';
import { recipientOf } from '../mailing-recipients.ts';
import { serve } from './serve.ts';

export interface BarePool {
  port: number;
  messages: number;
  connections: number;
}

/** Hands all messages to nodemailer's pool, and answers once the last one was taken: how long that took, in milliseconds. */
serve(async ({ port, messages, connections }: BarePool): Promise<number> => {
  const transport = createTransport({
    host: '127.0.0.1',
    port,
    pool: true,
    maxConnections: connections,
    maxMessages: Infinity,
    ignoreTLS: true,
  });
  const since = performance.now();
  const { subject, text, html } = mail;
  await Promise.all(
    Array.from({ length: messages }, (_, index) => transport.sendMail({ from: sender, to: recipientOf(index), subject, text, html })),
  );
  const took = performance.now() - since;
  transport.close();
  return took;
});
