import type { OpenAPIRegistry } from '@asteasolutions/zod-to-openapi';
import { z } from 'zod';

import { recipientStatuses } from '../../jobs/batch-outcomes.ts';
import { jobTypes } from '../../jobs/registry.ts';
import { recipientsCsvQuery, recipientsQuery } from '../email-batches.ts';
import { jobSchemas } from './job-schemas.ts';
import { answer } from './responses.ts';
import { describeRoute } from './route.ts';
import { idParameter, time } from './schemas.ts';

const params = idParameter('Id of the batch.', 'batch_favhp5ge2rm62zof2zj3sgeyag');

const report = z
  .object({
    seq: z.int().min(0).meta({ description: 'Place among the recipients, from 0; duplicates do not count.' }),
    to: z.string(),
    status: z.enum(recipientStatuses).meta({
      description: '`queued`: not yet, or refused for now; `sending`: on its way; `in_doubt`: may have been taken, and was not sent again.',
    }),
    code: z.string().nullable().meta({ description: 'Error code of the last failure, or why it was suppressed.' }),
    response: z.string().nullable().meta({ description: 'What the server said last.' }),
    messageId: z.string().nullable().meta({ description: 'With angle brackets; null before the first try.' }),
    at: time.nullable().meta({ description: 'Since when it is so; null before the first try.' }),
  })
  .meta({ id: 'RecipientReport' });

const page = z
  .object({
    items: z.array(report),
    nextCursor: z.string().nullable().meta({ description: '`cursor` of the next page; null: there is none.' }),
  })
  .meta({ id: 'RecipientPage' });

const example: z.infer<typeof report> = {
  seq: 0,
  to: 'ada@example.com',
  status: 'sent',
  code: null,
  response: '250 2.0.0 OK',
  messageId: '<0123456789abcdef0123456789abcdef@example.org>',
  at: '2026-11-22T13:25:38.947Z',
};

const steering = {
  pause: {
    summary: 'Pause a batch',
    description:
      'What is on its way ends, then nothing is sent until it is resumed. The status stays `running`; `progress.stage` says that it is paused. Harmless when repeated.',
  },
  resume: { summary: 'Resume a batch', description: 'Harmless when it is not paused.' },
} as const;

export function describeEmailBatches(registry: OpenAPIRegistry): void {
  const pages = answer('A page, or with `Accept: text/csv` all of them.', page, {
    headers: ['Link'],
    examples: { one: { items: [example], nextCursor: null } },
  });
  const csv = { schema: z.string() };
  describeRoute(registry, {
    method: 'get',
    path: '/v1/email-batches/{id}/recipients',
    operationId: 'listBatchRecipients',
    scope: 'read',
    tag: 'Jobs',
    summary: 'What became of each recipient of a batch',
    description: 'In their order. `Accept: text/csv` gives all of them as one stream; a stream that breaks off is not complete.',
    request: { params, query: recipientsQuery },
    answers: { 200: { ...pages, content: { ...pages.content, 'text/csv': csv } } },
    problems: ['invalid_filter', 'value_out_of_range', 'invalid_cursor', 'not_found', 'temporal_unavailable'],
  });
  describeRoute(registry, {
    method: 'get',
    path: '/v1/email-batches/{id}/recipients.csv',
    operationId: 'downloadBatchRecipients',
    scope: 'read',
    tag: 'Jobs',
    summary: 'What became of each recipient, as CSV',
    request: { params, query: recipientsCsvQuery },
    answers: { 200: answer('All of them, in their order.', z.string(), { contentType: 'text/csv' }) },
    problems: ['invalid_filter', 'not_found', 'temporal_unavailable'],
  });
  const job = jobSchemas.get(jobTypes.sendEmailBatch.type) ?? z.unknown();
  for (const [name, { summary, description }] of Object.entries(steering))
    describeRoute(registry, {
      method: 'post',
      path: `/v1/email-batches/{id}/${name}`,
      operationId: `${name}EmailBatch`,
      scope: 'operate',
      tag: 'Jobs',
      summary,
      description,
      request: { params },
      answers: { 202: answer('Asked for; the batch may still be busy obeying.', job) },
      problems: ['not_found', 'malformed_json', 'payload_too_large', 'unsupported_media_type', 'job_not_pausable', 'temporal_unavailable'],
    });
}
