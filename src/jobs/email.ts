import { z } from 'zod';

import { spoolJson } from './claim-check.ts';
import type { FileReference, JobType } from './definition.ts';
import { singleLine } from './single-line.ts';

/** RFC 5321: 64 characters before the @, 254 in all. Quoted local parts and address literals are refused. */
const address = z
  .email()
  .max(254)
  .regex(/^(?![^@]{65,}@)/, 'must have at most 64 characters before the @')
  .meta({
    description: 'A bare address, without a display name.',
    examples: ['ada@example.com'],
    // Both rules in one: JSON Schema's `format: email` alone allows more than we take.
    pattern: `^(?![^@]{65,}@)${z.regexes.email.source.slice(1)}`,
  });

/** `POST /v1/emails`. */
export const emailRequest = z
  .strictObject({
    from: address.optional().meta({ ...address.meta(), description: 'Default: HANDOFF_MAIL_FROM.' }),
    to: z
      .array(address)
      .min(1)
      .max(50)
      .meta({ description: 'Each address gets an SMTP envelope of its own; all are named in the To header.' }),
    subject: singleLine.max(998),
    text: z.string().optional(),
    html: z.string().optional(),
  })
  .refine((email) => email.text !== undefined || email.html !== undefined, { path: ['text'], error: 'give text, html or both' })
  .refine((email) => new Set(email.to.map((to) => to.toLowerCase())).size === email.to.length, {
    path: ['to'],
    error: 'has the same address twice',
  })
  .meta({
    description: 'Give `text`, `html` or both.',
    examples: [{ to: ['ada@example.com', 'bob@example.com'], subject: 'Hello', text: 'Hi', html: '<p>Hi</p>', from: 'shop@example.com' }],
  });

export type EmailRequest = z.infer<typeof emailRequest>;

/** What is delivered. Too large for a payload (64 KiB): then it lies in a file of type `application/json`. */
export interface EmailContent {
  subject: string;
  text?: string;
  html?: string;
}

/** Input of the workflow `sendEmail`. */
export interface EmailInput {
  from?: string;
  to: string[];
  content: EmailContent | FileReference;
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

/** `not_sent`: the job ended, or is parked, before there was a final answer. */
export type RecipientOutcome = SentMessage | { recipient: string; status: 'failed' | 'not_sent'; code?: string; response?: string };

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
          status: z.enum(['failed', 'not_sent']),
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
  async prepare({ from, to, subject, text, html }, submission) {
    const content: EmailContent = { subject, ...(text !== undefined && { text }), ...(html !== undefined && { html }) };
    return { ...(from !== undefined && { from }), to, content: await spoolJson(content, submission) };
  },
  summary: ({ to }) => (to.length === 1 ? 'E-mail to one recipient' : `E-mail to ${String(to.length)} recipients`),
  emails: ({ to }) => ({ count: to.length, pointer: '/to' }),
  steps: ({ to }) => ({ total: to.length, unit: 'recipients', stage: 'sending' }),
  present: (result) => result,
};
