import type { z } from 'zod';

import type { Submission } from './definition.ts';
import { mailboxOf } from './email-address.ts';
import { findAttachments, storeAttachments } from './email-attachments.ts';
import type { messageFields } from './email-fields.ts';
import type { EmailContent, Mailbox } from './email-message.ts';
import { assertFits, defaultMaxMessageBytes } from './email-size.ts';

/** What a request says of its message: `messageFields`, checked. */
export type MessageRequest = z.infer<z.ZodObject<typeof messageFields>>;

/**
 * The message as the worker gets it: the template's version is chosen, attachments lie in the file store.
 * @param shown who stands in the headers To and Cc; none: each recipient alone.
 * @throws AppError `file_not_found`, `content_type_mismatch`, `message_too_large`, `template_not_found`; nothing is left behind then.
 */
export async function messageContent(
  request: MessageRequest,
  shown: { to?: Mailbox[]; cc?: Mailbox[] },
  submission: Submission,
): Promise<EmailContent> {
  const { subject, text, html, template, from, replyTo, headers, attachments = [], calendar, tags } = request;
  const content: EmailContent = {
    ...(subject !== undefined && { subject }),
    ...(text !== undefined && { text }),
    ...(html !== undefined && { html }),
    ...(from !== undefined && { from: mailboxOf(from) }),
    ...shown,
    ...(replyTo && { replyTo: replyTo.map(mailboxOf) }),
    ...(headers && { headers }),
    ...(calendar && { calendar }),
    ...(tags && { tags }),
  };
  if (template !== undefined) content.template = await submission.templates.chosen(submission.tenant, template, '/template');
  const found = await findAttachments(attachments, submission);
  assertFits(content, found, submission.maxMessageBytes ?? defaultMaxMessageBytes);
  return found.length === 0 ? content : { ...content, attachments: await storeAttachments(found, submission) };
}
