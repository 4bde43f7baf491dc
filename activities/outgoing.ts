import type { Readable } from 'node:stream';

import type { AttachedFile, EmailContent, Mailbox, MailCategory } from '../src/jobs/email-message.ts';
import type { OutgoingMessage, RenderedTemplate } from './mail-ports.ts';

export interface MessageFacts {
  content: EmailContent;
  /** What the template of the content gave: in place of its subject, text and HTML. */
  rendered?: RenderedTemplate | undefined;
  /** For a content without a sender. */
  defaultFrom: string;
  /** For a content that does not say whom the To header names. */
  to: readonly string[];
  /** The only address in the envelope. */
  recipient: string;
  category?: MailCategory | undefined;
  /** Of our own, such as `List-Unsubscribe`; after those of the content. */
  headers?: readonly [name: string, value: string][];
  messageId: string;
  date: Date;
  open: (file: AttachedFile['file']) => Readable;
}

export function senderOf({ from }: EmailContent, defaultFrom: string): Mailbox {
  return from ?? { address: defaultFrom };
}

/** The whole message for one recipient: the same facts give the same message. */
export function outgoingMessage({ content, rendered, headers: ours = [], open, ...facts }: MessageFacts): OutgoingMessage {
  const { subject = '', text, html } = rendered ?? content;
  const headers = [...Object.entries(content.headers ?? {}), ...ours];
  return {
    from: senderOf(content, facts.defaultFrom),
    recipient: facts.recipient,
    to: content.to ?? facts.to.map((address) => ({ address })),
    ...(content.cc && { cc: content.cc }),
    ...(content.replyTo && { replyTo: content.replyTo }),
    subject,
    ...(text !== undefined && { text }),
    ...(html !== undefined && { html }),
    ...(headers.length > 0 && { headers }),
    ...(content.attachments && {
      attachments: content.attachments.map(({ file, ...shown }) => ({ ...shown, size: file.size, open: () => open(file) })),
    }),
    ...(content.calendar && { calendar: content.calendar }),
    ...(content.tags && { tags: content.tags }),
    category: facts.category ?? 'transactional',
    messageId: facts.messageId,
    date: facts.date,
  };
}
