import { randomUUID } from 'node:crypto';

import { createSmtpSender } from '../../src/mail/smtp.ts';

export interface BareMail {
  from: string;
  to: string;
  subject: string;
  text: string;
  html: string;
}

/** The product's own SMTP sender, and nothing around it. */
export function createBareActivities(smtpUrl: string) {
  const sender = createSmtpSender({ url: smtpUrl });
  return {
    async send({ from, to, ...mail }: BareMail): Promise<string> {
      const identity = { messageId: `<${randomUUID()}@localhost.localdomain>`, date: new Date() };
      const { response } = await sender.send(
        { ...mail, ...identity, from: { address: from }, recipient: to, to: [{ address: to }], category: 'transactional' },
        { signal: new AbortController().signal, beforeContent: () => Promise.resolve() },
      );
      return response;
    },
    nothing: () => Promise.resolve(),
  };
}

export type BareActivities = ReturnType<typeof createBareActivities>;
