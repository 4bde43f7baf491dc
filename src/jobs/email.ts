import { z } from 'zod';

import { spoolJson } from './claim-check.ts';
import type { FileReference, JobType } from './definition.ts';
import { messageFields, party } from './email-fields.ts';
import type { DuplicatePolicy, EmailContent, MailCategory } from './email-message.ts';

const parties = z.array(party).max(50);
const addressOf = (one: z.infer<typeof party>) => (typeof one === 'string' ? one : one.address);

/** `POST /v1/emails`. */
export const emailRequest = z
  .strictObject({
    to: parties.min(1).meta({ description: 'Each address gets an SMTP envelope of its own; all are named in the To header.' }),
    cc: parties.optional(),
    bcc: parties.optional(),
    ...messageFields,
  })
  .refine((email) => email.template !== undefined || email.text !== undefined || email.html !== undefined, {
    path: ['text'],
    error: 'give text, html or both, or a template',
  })
  .refine((email) => email.template !== undefined || email.subject !== undefined, { path: ['subject'], error: 'is missing' })
  .refine(
    ({ to, cc = [], bcc = [] }) =>
      new Set([...to, ...cc, ...bcc].map((one) => addressOf(one).toLowerCase())).size === to.length + cc.length + bcc.length,
    {
      path: ['to'],
      error: 'has the same address twice',
    },
  )
  .meta({
    description: 'Give `text`, `html` or both, or a `template`.',
    examples: [{ to: ['ada@example.com', 'bob@example.com'], subject: 'Hello', text: 'Hi', html: '<p>Hi</p>', from: 'shop@example.com' }],
  });

export type EmailRequest = z.infer<typeof emailRequest>;

/** Input of the workflow `sendEmail`. */
export interface EmailInput {
  from?: string;
  /** Who gets a message: all of to, cc and bcc, in this order, as bare addresses. */
  to: string[];
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
  async prepare({ from, to, cc = [], bcc = [], subject, text, html, duplicatePolicy, category }, submission) {
    const content: EmailContent = {
      ...(subject !== undefined && { subject }),
      ...(text !== undefined && { text }),
      ...(html !== undefined && { html }),
    };
    return {
      ...(from !== undefined && { from: addressOf(from) }),
      to: [...to, ...cc, ...bcc].map(addressOf),
      content: await spoolJson(content, submission),
      ...(duplicatePolicy !== undefined && { duplicatePolicy }),
      ...(category !== undefined && { category }),
    };
  },
  summary: ({ to }) => (to.length === 1 ? 'E-mail to one recipient' : `E-mail to ${String(to.length)} recipients`),
  emails: ({ to }) => ({ count: to.length, pointer: '/to' }),
  steps: ({ to }) => ({ total: to.length, unit: 'recipients', stage: 'sending' }),
  present: (result) => result,
};
