import { z } from 'zod';

import { singleLine, wellFormed } from './single-line.ts';

const free = /^/;
const word = (...words: string[]) => new RegExp(`^(?:${words.join('|')})$`, 'i');
const messageIds =
  /^<[\x21-\x3b\x3d\x3f\x41-\x7e]+@[\x21-\x3b\x3d\x3f\x41-\x7e]+>(?: <[\x21-\x3b\x3d\x3f\x41-\x7e]+@[\x21-\x3b\x3d\x3f\x41-\x7e]+>)*$/;

/** Names that a request may give, in lower case, each with what its value must look like. All `x-…` beside these. */
const allowed = new Map<string, RegExp>([
  ['in-reply-to', messageIds],
  ['references', messageIds],
  // RFC 2919.
  ['list-id', /^(?:[A-Za-z0-9][A-Za-z0-9 ._-]{0,200} )?<[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?>$/],
  ['feedback-id', /^[\x21-\x7e]{1,200}$/],
  // RFC 3834.
  ['auto-submitted', word('no', 'auto-generated', 'auto-replied')],
  // RFC 2156.
  ['importance', word('high', 'normal', 'low')],
  ['priority', word('urgent', 'normal', 'non-urgent')],
  ['sensitivity', word('personal', 'private', 'company-confidential')],
  ['precedence', word('bulk', 'list', 'junk', 'first-class')],
  ['thread-index', /^[A-Za-z0-9+/=]+$/],
  ['thread-topic', free],
  ['organization', free],
  ['keywords', free],
  ['comments', free],
]);

/** By which providers, or whoever reads bounces, are told to do something: we speak to them, not the sender of a job. */
const acted = new RegExp(
  `^x-(?:${[
    ...['pm', 'postmark', 'ses', 'amz', 'smtpapi', 'sendgrid', 'sg', 'resend', 'mailgun', 'mc', 'mandrill', 'mj', 'mailjet', 'msys'],
    ...['sib', 'mailin', 'sendinblue', 'brevo', 'elastic', 'sparkpost', 'tm', 'handoff', 'original-to', 'delivered-to', 'envelope-[a-z]+'],
    ...['failed-recipients', 'rcpt-to', 'bcc', 'unsubscribe', 'list-unsubscribe', 'mailer-lite'],
  ].join('|')})(?:-|$)`,
);

function faultOf(name: string, value: string): string | undefined {
  const key = name.toLowerCase();
  const pattern = allowed.get(key) ?? (key.startsWith('x-') && !acted.test(key) ? free : undefined);
  if (pattern === undefined) return 'is not a header that may be set';
  return pattern.test(value) ? undefined : 'is not a value that this header can have';
}

const name = z
  .string()
  .max(60)
  .regex(/^[A-Za-z][A-Za-z0-9-]*$/, 'is not a name of a header');
const value = wellFormed(
  singleLine
    .min(1)
    .max(900)
    .regex(/^\S(?:.*\S)?$/u, 'must not be blank, or begin or end with blanks'),
);

const maxHeaders = 20;

/** Headers that are about the message. Those that say who gets it, from whom, and how it is built are written by us. */
export const customHeaders = z
  .record(name, value)
  .superRefine((headers, context) => {
    const names = Object.keys(headers);
    if (names.length > maxHeaders) context.addIssue({ code: 'custom', message: `has more than ${String(maxHeaders)} headers` });
    const seen = new Set<string>();
    for (const one of names) {
      const fault = seen.has(one.toLowerCase()) ? 'is there twice' : faultOf(one, headers[one] ?? '');
      seen.add(one.toLowerCase());
      if (fault !== undefined) context.addIssue({ code: 'custom', message: fault, path: [one] });
    }
  })
  .meta({
    description: `At most ${String(maxHeaders)}: X-… but for those by which providers are steered, ${[...allowed.keys()].join(', ')}.`,
    examples: [{ 'X-Order': '42', 'In-Reply-To': '<0123@example.com>' }],
  });
