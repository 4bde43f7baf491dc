import { composeMail } from './compose.ts';

/** RFC 2606: nobody's. */
const nobody = 'recipient@example.com';

export interface UnsentMail {
  subject: string;
  html?: string;
  text?: string;
  /** What it was made of; for the Message-ID. */
  template: string;
}

/** A message as it would be sent, but to nobody. */
export function unsentMail({ template, ...parts }: UnsentMail, from: string): AsyncIterable<Uint8Array> {
  return composeMail({
    ...parts,
    from: { address: from },
    recipient: nobody,
    to: [{ address: nobody }],
    category: 'transactional',
    messageId: `<preview.${template}@example.com>`,
    date: new Date(),
  }) as AsyncIterable<Uint8Array>;
}
