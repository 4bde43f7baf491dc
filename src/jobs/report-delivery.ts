import { z } from 'zod';

import { invalid } from '../errors.ts';
import type { Submission } from './definition.ts';
import { addressOf, inAscii, mailboxKey, mailboxOf, party } from './email-address.ts';
import { messageFields } from './email-fields.ts';
import type { DuplicatePolicy, EmailContent, Mailbox } from './email-message.ts';
import { defaultMaxMessageBytes } from './email-size.ts';
import type { RecipientOutcome } from './email.ts';
import type { StoredFile } from './files.ts';

const daySeconds = 86_400;
/** How long links in e-mails work. */
const usualMailSeconds = 7 * daySeconds;
/** Files that are together smaller are attached. */
const usualAttachBytes = 5 * 1024 * 1024;

const reportEmail = z
  .strictObject({
    to: z
      .array(party)
      .min(1)
      .max(50)
      .refine((all) => new Set(all.map((one) => mailboxKey(addressOf(one)))).size === all.length, 'has an address twice')
      .meta({ description: 'Each gets a message of its own; all are named in the To header.' }),
    subject: messageFields.subject.meta({ description: 'Default: the title of the report.' }),
    text: z.string().max(4_000).optional().meta({ description: 'What stands above the links or the names of the attachments.' }),
    attach: z
      .union([z.enum(['always', 'never']), z.strictObject({ belowBytes: z.int().min(1).max(1_000_000_000) })])
      .optional()
      .meta({
        description:
          'Whether the files themselves are sent, or links to them. Default: the files when they have together less than 5 MiB. Files too large for a message are linked, or with `always` an error.',
      }),
    from: messageFields.from,
    replyTo: messageFields.replyTo,
    duplicatePolicy: messageFields.duplicatePolicy,
  })
  .meta({ id: 'ReportEmail' });

export const reportDelivery = z
  .strictObject({
    email: reportEmail.optional(),
    links: z
      .strictObject({
        expiresInSeconds: z
          .int()
          .min(60)
          .max(365 * daySeconds)
          .optional()
          .meta({ description: 'How long links work from when they are made. Default: 7 days in e-mails, an hour in results.' }),
        maxDownloads: z.int().min(1).max(1_000_000).optional().meta({
          description:
            'How often each file may be downloaded by links, all its links together. Scanners of mail open links, too. Default: any number.',
        }),
      })
      .optional(),
    skipIfEmpty: z.boolean().optional().meta({ description: 'Whether a report without rows is sent to nobody. Default: it is sent.' }),
  })
  .meta({ id: 'ReportDelivery' });

export type DeliveryRequest = z.infer<typeof reportDelivery>;

/** What becomes of the files once they are made. */
export interface DeliveryInput {
  retentionDays?: number;
  linkSeconds?: number;
  maxDownloads?: number;
  skipIfEmpty?: boolean;
  email?: ReportMail;
}

/** A message about the files, to be written when they are there. */
export interface ReportMail {
  /** Bare addresses with the domain in ASCII. */
  to: string[];
  /** The same as the request named them, where that differs. */
  named?: string[];
  /** As the header shows them, where they have names. */
  shown?: Mailbox[];
  from?: Mailbox;
  replyTo?: Mailbox[];
  subject: string;
  text?: string;
  /** Files that have together less are attached. null: all are. */
  attachBelow: number | null;
  /** Where links begin. */
  publicUrl?: string;
  linkSeconds: number;
  /** As it is sent. */
  maxMessageBytes: number;
  duplicatePolicy?: DuplicatePolicy;
}

/** `incomplete`: somebody got nothing, for good or until now. */
export const deliveryStatuses = ['delivered', 'incomplete', 'skipped_empty'] as const;

export interface ReportDelivery {
  status: (typeof deliveryStatuses)[number];
  /** How the files went out; not there before it is known. */
  by?: 'attachment' | 'link';
  /** RFC 3339. */
  linksExpireAt?: string;
  emails: RecipientOutcome[];
}

export const reportDeliveryResult = z.object({
  status: z.enum(deliveryStatuses),
  by: z.enum(['attachment', 'link']).optional(),
  linksExpireAt: z.iso.datetime().optional(),
  emails: z.array(
    z.object({
      recipient: z.string(),
      status: z.enum(['sent', 'failed', 'not_sent', 'suppressed', 'in_doubt']),
      messageId: z.string().optional(),
      code: z.string().optional(),
      response: z.string().optional(),
    }),
  ),
});

/** What the workflow asks for once all outputs are there. */
export interface DeliveryTask extends DeliveryInput {
  tenant: string;
  title: string;
  rows: number;
  /** In the order of the outputs. */
  fileIds: string[];
  /** RFC 3339: the time that everything counts from, the same for each attempt. */
  at: string;
}

export interface PreparedDelivery {
  /** As they are now. */
  files: StoredFile[];
  message?: Pick<ReportDelivery, 'by' | 'linksExpireAt'> & { content: EmailContent };
}

function mailInput(email: NonNullable<DeliveryRequest['email']>, title: string, linkSeconds: number, submission: Submission): ReportMail {
  const { to, subject, text, attach, from, replyTo, duplicatePolicy } = email;
  const { publicUrl, maxMessageBytes = defaultMaxMessageBytes } = submission;
  if (publicUrl === undefined && attach !== 'always')
    throw invalid(
      '/delivery/email/attach',
      'must be always: links in e-mails need HANDOFF_PUBLIC_URL, which is not set on this server (files may be too large to be attached)',
    );
  const named = to.map(addressOf);
  const recipients = named.map(inAscii);
  return {
    to: recipients,
    ...(recipients.some((one, index) => one !== named[index]) && { named }),
    ...(to.some((one) => mailboxOf(one).name !== undefined) && { shown: to.map(mailboxOf) }),
    ...(from !== undefined && { from: mailboxOf(from) }),
    ...(replyTo && { replyTo: replyTo.map(mailboxOf) }),
    subject: subject ?? title,
    ...(text !== undefined && { text }),
    attachBelow: attach === 'always' ? null : attach === 'never' ? 0 : (attach?.belowBytes ?? usualAttachBytes),
    ...(publicUrl !== undefined && { publicUrl }),
    linkSeconds,
    maxMessageBytes,
    ...(duplicatePolicy !== undefined && { duplicatePolicy }),
  };
}

/** Nothing where nothing was asked for. @throws AppError `invalid_request`. */
export function deliveryInput(
  {
    title,
    delivery = {},
    retentionDays: days,
  }: { title: string; delivery?: DeliveryRequest | undefined; retentionDays?: number | undefined },
  submission: Submission,
): DeliveryInput | undefined {
  const { email, links = {}, skipIfEmpty } = delivery;
  const { expiresInSeconds, maxDownloads } = links;
  if (expiresInSeconds !== undefined && days !== undefined && expiresInSeconds > days * daySeconds)
    throw invalid('/delivery/links/expiresInSeconds', 'is longer than the files are kept');
  const input: DeliveryInput = {
    ...(days !== undefined && { retentionDays: days }),
    ...(expiresInSeconds !== undefined && { linkSeconds: expiresInSeconds }),
    ...(maxDownloads !== undefined && { maxDownloads }),
    ...(skipIfEmpty === true && { skipIfEmpty }),
    ...(email && { email: mailInput(email, title, expiresInSeconds ?? usualMailSeconds, submission) }),
  };
  return Object.keys(input).length === 0 ? undefined : input;
}
