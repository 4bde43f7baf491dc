import { z } from 'zod';

import { spoolJson } from './claim-check.ts';
import type { FileReference, JobType } from './definition.ts';
import { addressOf, inAscii, mailboxKey, mailboxOf, party } from './email-address.ts';
import { messageContent } from './email-content.ts';
import { messageFaults, messageFields } from './email-fields.ts';
import type { DuplicatePolicy, EmailContent, MailCategory } from './email-message.ts';

/** In `to`, `cc` and `bcc` together. */
const maxRecipients = 50;
const parties = z.array(party).max(maxRecipients);

/** `POST /v1/emails`. */
export const emailRequest = z
  .strictObject({
    to: parties.min(1).meta({ description: 'Each address gets an SMTP envelope of its own; all are named in the To header.' }),
    cc: parties.optional().meta({ description: 'As `to`, named in the Cc header.' }),
    bcc: parties.optional().meta({ description: 'As `to`, named in no header.' }),
    ...messageFields,
  })
  .superRefine((email, context) => {
    for (const { path, message } of messageFaults(email)) context.addIssue({ code: 'custom', path, message });
    const { to, cc = [], bcc = [] } = email;
    const places = Object.entries({ to, cc, bcc }).flatMap(([field, list]) =>
      list.map((one, index) => ({ path: [field, index], key: mailboxKey(addressOf(one)) })),
    );
    if (places.length > maxRecipients)
      context.addIssue({ code: 'custom', path: ['to'], message: `has, with cc and bcc, more than ${String(maxRecipients)} addresses` });
    const seen = new Set<string>();
    for (const { path, key } of places) {
      if (seen.has(key)) context.addIssue({ code: 'custom', path, message: 'is there twice: one address gets one message' });
      seen.add(key);
    }
  })
  .meta({
    description: 'Give `text`, `html` or both, or a `template`. `to`, `cc` and `bcc` have at most 50 addresses together, none twice.',
    examples: [
      { to: ['ada@example.com', 'bob@example.com'], subject: 'Hello', text: 'Hi', html: '<p>Hi</p>', from: 'shop@example.com' },
      {
        to: [{ name: 'Ada Lovelace', address: 'ada@example.com' }],
        bcc: ['archive@example.com'],
        replyTo: ['help@example.com'],
        subject: 'Your order 42',
        html: '<p>Thank you.</p>',
        headers: { 'X-Order': '42' },
        attachments: [{ name: 'terms.txt', contentType: 'text/plain', content: 'QmUga2luZC4K' }],
        tags: { campaign: 'autumn' },
      },
    ],
  });

export type EmailRequest = z.infer<typeof emailRequest>;

/** Input of the workflow `sendEmail`. */
export interface EmailInput {
  from?: string;
  /** Who gets a message: all of to, cc and bcc, in this order, as bare addresses with the domain in ASCII. */
  to: string[];
  /** The same as the request named them, where that differs. */
  named?: string[];
  content: EmailContent | FileReference;
  duplicatePolicy?: DuplicatePolicy;
  category?: MailCategory;
  /** RFC 3339; the Date header. Only in jobs of older versions: now it is the time when the job begins. */
  date?: string;
}

export interface SentMessage {
  recipient: string;
  /** With angle brackets, as in the header. */
  messageId: string;
  status: 'sent';
  /** The server's reply to the end of DATA. */
  response: string;
}

/**
 * `not_sent`: the job ended, or is parked, before there was a final answer. `suppressed`: the recipient must get no mail.
 * `in_doubt`: it may have been taken, and was not sent again (RFC 5321, 6.1).
 */
export type RecipientOutcome =
  SentMessage | { recipient: string; status: 'failed' | 'not_sent' | 'suppressed' | 'in_doubt'; code?: string; response?: string };

export interface EmailResult {
  messages: RecipientOutcome[];
}

const emailResult = z
  .object({
    messages: z.array(
      z.union([
        z.object({ recipient: z.string(), messageId: z.string(), status: z.literal('sent'), response: z.string() }),
        z.object({
          recipient: z.string(),
          status: z.enum(['failed', 'not_sent', 'suppressed', 'in_doubt']),
          code: z.string().optional(),
          response: z.string().optional(),
        }),
      ]),
    ),
  })
  .meta({
    description: 'What became of each recipient.',
    examples: [{ messages: [{ recipient: 'ada@example.com', messageId: '<favhp5.0@example.com>', status: 'sent', response: '250 OK' }] }],
  });

export const email: JobType<EmailRequest, EmailInput, EmailResult> = {
  type: 'email',
  path: '/emails',
  body: 'json',
  request: emailRequest,
  result: emailResult,
  problems: ['file_not_found', 'file_quarantined', 'file_rejected', 'content_type_mismatch', 'message_too_large', 'template_not_found'],
  async prepare({ to, cc = [], bcc = [], duplicatePolicy, category, ...message }, submission) {
    const named = [...to, ...cc, ...bcc].map(addressOf);
    const recipients = named.map(inAscii);
    // Without them the header names the recipients, bare.
    const bare = cc.length + bcc.length === 0 && to.every((one) => mailboxOf(one).name === undefined);
    const shown = { ...(!bare && { to: to.map(mailboxOf) }), ...(cc.length > 0 && { cc: cc.map(mailboxOf) }) };
    const content = await messageContent(message, shown, submission);
    return {
      to: recipients,
      ...(recipients.some((one, index) => one !== named[index]) && { named }),
      content: await spoolJson(content, submission),
      ...(duplicatePolicy !== undefined && { duplicatePolicy }),
      ...(category !== undefined && { category }),
    };
  },
  summary: ({ to }) => (to.length === 1 ? 'E-mail to one recipient' : `E-mail to ${String(to.length)} recipients`),
  emails: ({ to, cc = [], bcc = [] }) => ({ count: to.length + cc.length + bcc.length, pointer: '/to' }),
  steps: ({ to }) => ({ total: to.length, unit: 'recipients', stage: 'sending' }),
  present: (result) => result,
};
