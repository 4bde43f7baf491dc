import { z } from 'zod';

import { singleLine } from './single-line.ts';

/** RFC 5321: 64 characters before the @, 254 in all. Quoted local parts and address literals are refused. */
export const address = z
  .email()
  .max(254)
  .regex(/^(?![^@]{65,}@)/, 'must have at most 64 characters before the @')
  .meta({
    description: 'A bare address, without a display name.',
    examples: ['ada@example.com'],
    // Both rules in one: JSON Schema's `format: email` alone allows more than we take.
    pattern: `^(?![^@]{65,}@)${z.regexes.email.source.slice(1)}`,
  });

const mailbox = z.strictObject({ name: singleLine.max(200).optional(), address });
/** An address, or one with a display name. */
export const party = z.union([address, mailbox]);

const headers = z.record(z.string(), singleLine.max(998));
const attachment = z.union([
  z.strictObject({
    name: singleLine.min(1).max(255),
    contentType: z.string().optional(),
    content: z.base64(),
    contentId: z.string().optional(),
  }),
  z.strictObject({ fileId: z.string(), name: singleLine.min(1).max(255).optional(), contentId: z.string().optional() }),
]);
const calendar = z.strictObject({ method: z.enum(['REQUEST', 'CANCEL', 'REPLY', 'PUBLISH']), content: z.string() });
const tags = z.record(z.string(), z.string());

export const templateName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9._-]{0,63}$/, 'must be 1 to 64 of a-z, 0-9, ., _ and -, and begin with a letter or digit');
export const templateUse = z.strictObject({
  name: templateName,
  version: z.int().min(1).optional().meta({ description: 'Default: the newest one when the job is taken.' }),
  variables: z.record(z.string(), z.unknown()).optional(),
});

/** What a message has, whoever gets it. */
export const messageFields = {
  from: party.optional().meta({ description: 'Default: HANDOFF_MAIL_FROM.' }),
  replyTo: z.array(party).max(5).optional(),
  subject: singleLine.max(998).optional(),
  text: z.string().optional(),
  html: z.string().optional(),
  template: templateUse.optional(),
  headers: headers.optional(),
  attachments: z.array(attachment).max(20).optional(),
  calendar: calendar.optional(),
  tags: tags.optional(),
  category: z.enum(['transactional', 'bulk']).optional(),
  duplicatePolicy: z.enum(['at_least_once', 'at_most_once']).optional(),
};
