import type { OpenAPIRegistry } from '@asteasolutions/zod-to-openapi';
import { z } from 'zod';

import { errorCodes } from '../../errors.ts';
import { bulkActionKinds } from '../../jobs/bulk-action.ts';
import { bulkFilter, bulkRequest } from '../bulk-request.ts';
import { examplesOf } from './examples.ts';
import { answer } from './responses.ts';
import { describeRoute } from './route.ts';
import { idempotencyKeyHeader, idParameter, time } from './schemas.ts';

const path = z.string();
const count = z.int().min(0);

const bulkAction = z
  .object({
    id: z.string(),
    action: z.enum(bulkActionKinds),
    filter: bulkFilter,
    reason: z.string().nullable(),
    dryRun: z.boolean(),
    ratePerSecond: z.number(),
    status: z.enum(['running', 'paused', 'completed', 'aborted', 'failed']),
    counts: z.object({
      matched: count.meta({ description: 'By the filter, when it began; at the end, how many it met.' }),
      done: count,
      skipped: count.meta({ description: 'Not in a state for it any more.' }),
      failed: count,
    }),
    progress: z.object({ done: count, total: count }),
    failures: z.array(z.object({ jobId: z.string(), code: z.enum(errorCodes) })).meta({ description: 'The first twenty.' }),
    sample: z.array(z.string()).nullable().meta({ description: 'Of a dry run that has finished: up to twenty ids.' }),
    createdAt: time,
    finishedAt: time.nullable(),
    links: z.object({ self: path, pause: path, resume: path, abort: path }),
  })
  .meta({ id: 'BulkAction' });

const id = 'bulk_favhp5ge2rm62zof2zj3sgeyag';
const self = `/v1/bulk-actions/${id}`;
const running: z.infer<typeof bulkAction> = {
  id,
  action: 'retry',
  filter: { type: 'email' },
  reason: null,
  dryRun: false,
  ratePerSecond: 50,
  status: 'running',
  counts: { matched: 1000, done: 348, skipped: 2, failed: 0 },
  progress: { done: 350, total: 1000 },
  failures: [],
  sample: null,
  createdAt: '2026-11-22T13:25:38.095Z',
  finishedAt: null,
  links: { self, pause: `${self}/pause`, resume: `${self}/resume`, abort: `${self}/abort` },
};

const headers = z.object({ 'Idempotency-Key': idempotencyKeyHeader('bulk action', 'redrive-after-mail-outage') });

const params = idParameter('Id of the bulk action.', id);

const steering = {
  pause: {
    summary: 'Pause a bulk action',
    description: 'It takes effect within some seconds: then the status is `paused`.',
    after: { ...running, status: 'paused' },
  },
  resume: { summary: 'Resume a bulk action', description: 'Harmless when it is not paused.', after: running },
  abort: {
    summary: 'Abort a bulk action',
    description: 'It takes effect within some seconds: then the status is `aborted`. What was done stays done.',
    after: { ...running, status: 'aborted', finishedAt: '2026-11-22T13:26:01.310Z' },
  },
} as const;

export function describeBulkActions(registry: OpenAPIRegistry): void {
  const examples = Object.fromEntries(examplesOf(bulkRequest).map((value, index) => [`example${String(index + 1)}`, { value }]));
  describeRoute(registry, {
    method: 'post',
    path: '/v1/bulk-actions',
    operationId: 'startBulkAction',
    scope: 'operate',
    tag: 'Jobs',
    summary: 'Retry, discard or cancel many jobs',
    description:
      'Does one thing to all jobs that a filter matches, at a steady rate, while other work goes on. Each job is touched once at most; jobs that come into the state later are not.',
    request: {
      headers,
      body: { required: true, content: { 'application/json': { schema: bulkRequest, examples } } },
    },
    answers: {
      202: answer('Stored by Temporal, not done yet.', bulkAction, {
        headers: ['Location', 'Retry-After', 'Idempotency-Replayed'],
        leadsTo: ['getBulkAction', 'pauseBulkAction', 'resumeBulkAction', 'abortBulkAction'],
        examples: { running },
      }),
    },
    problems: [
      'invalid_request',
      'value_out_of_range',
      'malformed_json',
      'invalid_filter',
      'invalid_idempotency_key',
      'secret_in_request',
      'payload_too_large',
      'unsupported_media_type',
      'idempotency_key_reused',
      'temporal_unavailable',
    ],
  });
  describeRoute(registry, {
    method: 'get',
    path: '/v1/bulk-actions/{id}',
    operationId: 'getBulkAction',
    scope: 'read',
    tag: 'Jobs',
    summary: 'A bulk action',
    request: { params },
    answers: { 200: answer('The bulk action.', bulkAction, { headers: ['Cache-Control'], examples: { running } }) },
    problems: ['not_found', 'temporal_unavailable'],
  });
  for (const [name, { summary, description, after }] of Object.entries(steering))
    describeRoute(registry, {
      method: 'post',
      path: `/v1/bulk-actions/{id}/${name}`,
      operationId: `${name}BulkAction`,
      scope: 'operate',
      tag: 'Jobs',
      summary,
      description,
      request: { params },
      answers: { 202: answer('As it is now.', bulkAction, { headers: ['Cache-Control'], examples: { [name]: after } }) },
      problems: [
        'not_found',
        'malformed_json',
        'payload_too_large',
        'unsupported_media_type',
        'bulk_action_finished',
        'temporal_unavailable',
      ],
    });
}
