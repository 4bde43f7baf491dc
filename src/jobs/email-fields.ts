import { z } from 'zod';

import { party } from './email-address.ts';
import { attachment, maxAttachments } from './email-attachments.ts';
import { calendarPart } from './email-calendar.ts';
import { customHeaders } from './email-headers.ts';
import { singleLine } from './single-line.ts';
import { versionedName } from './versions.ts';

/** What every provider takes. */
const tags = z
  .record(
    z.string().regex(/^[A-Za-z0-9_-]{1,20}$/, 'must be 1 to 20 letters, digits, _ and -'),
    z.string().regex(/^[A-Za-z0-9_-]{1,80}$/, 'must be 1 to 80 letters, digits, _ and -'),
  )
  .refine((pairs) => Object.keys(pairs).length <= 10, 'has more than 10 tags')
  .meta({ description: 'At most 10, for reports of a provider. A mail server does not get them.', examples: [{ campaign: 'autumn' }] });

const templateUse = z.strictObject({
  name: versionedName,
  version: z.int().min(1).optional().meta({ description: 'Default: the newest one when the job is taken.' }),
  variables: z.record(z.string(), z.unknown()).optional(),
});

/** What a message has, whoever gets it. */
export const messageFields = {
  from: party.optional().meta({ description: 'Default: HANDOFF_MAIL_FROM.' }),
  replyTo: z.array(party).min(1).max(5).optional(),
  subject: singleLine.max(998).optional(),
  text: z.string().optional().meta({ description: 'Without it, text is made from `html`.' }),
  html: z.string().optional(),
  template: templateUse.optional().meta({ description: 'In place of `subject`, `text` and `html`.' }),
  headers: customHeaders.optional(),
  attachments: z.array(attachment).max(maxAttachments).optional(),
  calendar: calendarPart.optional(),
  tags: tags.optional(),
  category: z.enum(['transactional', 'bulk']).optional().meta({ description: 'Default: transactional.' }),
  duplicatePolicy: z
    .enum(['at_least_once', 'at_most_once'])
    .optional()
    .meta({ description: 'When nobody can know whether a message was taken: send it again (default), or stop.' }),
};

interface MessageFields {
  subject?: string | undefined;
  text?: string | undefined;
  html?: string | undefined;
  template?: unknown;
  attachments?: readonly { contentId?: string | undefined }[] | undefined;
}

/** What fields say only together: a check for a request that has `messageFields`. */
export function messageFaults(message: MessageFields): { path: (string | number)[]; message: string }[] {
  const { subject, text, html, template, attachments = [] } = message;
  const faults: { path: (string | number)[]; message: string }[] = [];
  if (template === undefined) {
    if (text === undefined && html === undefined) faults.push({ path: ['text'], message: 'give text, html or both, or a template' });
    if (subject === undefined) faults.push({ path: ['subject'], message: 'is missing' });
  } else
    for (const field of ['subject', 'text', 'html'] as const)
      if (message[field] !== undefined) faults.push({ path: [field], message: 'comes from the template' });
  const seen = new Set<string>();
  for (const [index, { contentId }] of attachments.entries()) {
    if (contentId === undefined) continue;
    const path = ['attachments', index, 'contentId'];
    if (seen.has(contentId)) faults.push({ path, message: 'is there twice' });
    else if (template === undefined && html?.includes(`cid:${contentId}`) !== true)
      faults.push({ path, message: `html shows no cid:${contentId}` });
    seen.add(contentId);
  }
  return faults;
}
