import { z } from 'zod';

import { AppError, invalid } from '../errors.ts';
import { spoolJson } from './claim-check.ts';
import type { FileReference, Gathering, JobType } from './definition.ts';
import { mailboxOf, party } from './email-address.ts';
import { messageContent } from './email-content.ts';
import { messageFaults, messageFields } from './email-fields.ts';
import type { DuplicatePolicy, EmailContent, MailCategory } from './email-message.ts';
import type { TemplateVersions } from './email-templates.ts';
import { fileIdFor } from './ids.ts';
import { type GivenRecipient, type ListedRecipient, listRecipients, maxRecipients, type RecipientList } from './recipient-list.ts';
import { maxRecipientBytes, recipientsInFile, recipientsInJson, recipientsInLines } from './recipient-sources.ts';
import { type SendWindow, sendWindow } from './send-window.ts';

const recipient = z.strictObject({
  to: party,
  variables: z
    .record(z.string(), z.unknown())
    .optional()
    .meta({ description: 'For the template, over those that `template` has for all.' }),
});

/** `POST /v1/email-batches`. */
export const batchRequest = z
  .strictObject({
    recipients: z
      .union([
        z.array(recipient).min(1).max(maxRecipients),
        z.strictObject({
          fileId: z.string().max(100).meta({
            description:
              'An uploaded CSV file with a column `email`, perhaps `name`, and one for each variable; or NDJSON, one recipient a line.',
          }),
        }),
      ])
      .optional()
      .meta({ description: 'Each gets a message of his own. Not in `application/x-ndjson`: there each further line is a recipient.' }),
    ...messageFields,
    ratePerSecond: z
      .number()
      .min(0.1)
      .max(1_000)
      .optional()
      .meta({ description: 'Messages a second, at most. Default: as fast as it goes.' }),
    window: sendWindow.optional(),
  })
  .superRefine((batch, context) => {
    for (const { path, message } of messageFaults(batch)) context.addIssue({ code: 'custom', path, message });
  })
  .meta({
    description: 'Give `text`, `html` or both, or a `template`.',
    examples: [
      { recipients: [{ to: 'ada@example.com' }, { to: { name: 'Bob', address: 'bob@example.com' } }], subject: 'News', text: 'Hi' },
    ],
  });

export type BatchRequest = z.infer<typeof batchRequest>;

/** Input of the workflow `sendEmailBatch`. */
export interface BatchInput {
  /** NDJSON, one `ListedRecipient` a line. */
  recipients: FileReference['file'];
  count: number;
  duplicates: number;
  /** Bytes in `recipients`: where each chunk begins, and the end of the last. */
  offsets: number[];
  content: EmailContent | FileReference;
  category: MailCategory;
  duplicatePolicy?: DuplicatePolicy;
  ratePerSecond?: number;
  window?: SendWindow;
  /** A new run goes on after so many events. Default 4,000. */
  eventsPerRun?: number;
}

/** How many recipients have which final outcome. */
export interface OutcomeCounts {
  sent: number;
  failed: number;
  suppressed: number;
  inDoubt: number;
}

export interface BatchResult extends OutcomeCounts {
  /** Each once. */
  recipients: number;
  duplicates: number;
}

const count = z.int().min(0);
const batchResult = z
  .object({
    recipients: count.meta({ description: 'Each address once.' }),
    sent: count,
    failed: count,
    suppressed: count,
    inDoubt: count.meta({ description: 'May have been taken, and was not sent again.' }),
    duplicates: count.meta({ description: 'Left out, since the same address had come before.' }),
  })
  .meta({ examples: [{ recipients: 250, sent: 247, failed: 1, suppressed: 2, inDoubt: 0, duplicates: 3 }] });

/** All recipients, checked, before anything is stored. */
async function gather({ recipients, template }: BatchRequest, { check, ...gathering }: Gathering): Promise<RecipientList> {
  const { tenant, templates, lines, stage } = gathering;
  const chosen = template && (await templates.choose(tenant, template, '/template'));

  function listed({ to, variables }: z.infer<typeof recipient>, at: string): ListedRecipient {
    if (variables !== undefined && chosen === undefined) throw invalid(`${at}/variables`, 'can only stand beside a template');
    const faults = chosen?.faultsOf({ ...template?.variables, ...variables }) ?? [];
    const errors = faults.map(({ pointer, detail }) => ({ pointer: `${at}/variables${pointer}`, detail }));
    if (errors.length > 0) throw new AppError('invalid_request', 'The variables do not fit the template.', { errors });
    return { ...mailboxOf(to), ...(variables !== undefined && { variables }) };
  }
  const checked = (value: unknown, at: string) => listed(check(recipient, value, at), at);

  function given(): [recipients: AsyncIterable<GivenRecipient> | Iterable<GivenRecipient>, pointer: string] {
    if (lines !== undefined) {
      if (recipients !== undefined) throw invalid('/recipients', 'must not stand in the first line: each further line is a recipient');
      return [recipientsInLines(lines, checked), '/recipients'];
    }
    if (recipients === undefined) throw invalid('/recipients', 'is missing');
    if ('fileId' in recipients) return [recipientsInFile({ tenant, fileId: recipients.fileId }, gathering, checked), '/recipients/fileId'];
    // With the request they are checked already.
    return [recipientsInJson(recipients, (value, at) => listed(value as z.infer<typeof recipient>, at)), '/recipients'];
  }
  const [source, pointer] = given();
  const list = await listRecipients(source, stage, pointer);
  return { ...list, ...(chosen && { templateVersion: chosen.version }) };
}

/** All variables are checked by then, those of the template alone may lack some. */
function withVersion(templates: TemplateVersions, version: number): TemplateVersions {
  return { ...templates, chosen: (_tenant, { name, variables = {} }) => Promise.resolve({ name, version, variables }) };
}

export const batch: JobType<BatchRequest, BatchInput, BatchResult> = {
  type: 'batch',
  path: '/email-batches',
  body: 'json or lines',
  request: batchRequest,
  result: batchResult,
  problems: [
    'file_not_found',
    'file_quarantined',
    'file_rejected',
    'source_unreadable',
    'content_type_mismatch',
    'message_too_large',
    'template_not_found',
  ],
  maxLineBytes: maxRecipientBytes,
  gather,
  async prepare(request, submission) {
    const { list, tenant, jobId, templates } = submission;
    if (list === undefined) throw new Error('A batch without its recipients');
    const { staged, count, duplicates, offsets, templateVersion } = list;
    const { category = 'bulk', duplicatePolicy, ratePerSecond, window, ...message } = request;
    const own = templateVersion === undefined ? submission : { ...submission, templates: withVersion(templates, templateVersion) };
    const content = await spoolJson(await messageContent(message, {}, own), submission);
    const id = fileIdFor(jobId, `recipients ${staged.sha256}`);
    const recipients = await staged.commit({ id, name: 'recipients.ndjson', contentType: 'application/x-ndjson', tenant, jobId });
    return {
      ...{ recipients, count, duplicates, offsets, content, category },
      ...(duplicatePolicy !== undefined && { duplicatePolicy }),
      ...(ratePerSecond !== undefined && { ratePerSecond }),
      ...(window !== undefined && { window }),
    };
  },
  summary: ({ count: recipients }) => `E-mail to ${String(recipients)} recipients, each on his own`,
  emails: (_request, list) => ({ count: list?.count ?? 0, pointer: '/recipients' }),
  present: (result) => result,
};
