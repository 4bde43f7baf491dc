import type { OpenAPIRegistry } from '@asteasolutions/zod-to-openapi';
import { z } from 'zod';

import type { ErrorCode } from '../../errors.ts';
import { changedOptions } from '../../jobs/options.ts';
import { allJobTypes, type AnyJobType } from '../../jobs/registry.ts';
import { discardRequest, noteRequest, nothing } from '../job-actions.ts';
import { exampleJob } from './examples.ts';
import { job } from './job-schemas.ts';
import { jobParameter } from './jobs.ts';
import { answer } from './responses.ts';
import { describeRoute } from './route.ts';

interface Action {
  name: string;
  summary: string;
  description: string;
  body: z.ZodType;
  example?: unknown;
  conflicts: ErrorCode[];
}

const actions: Action[] = [
  {
    name: 'cancel',
    summary: 'Cancel a job',
    description:
      'Cooperative: running work is told, cleans up and ends; it may still complete when it was too late. Harmless when repeated.',
    body: nothing,
    conflicts: ['job_not_cancellable'],
  },
  {
    name: 'retry',
    summary: 'Retry a job',
    description:
      'A dead letter goes on from the step that failed; finished steps are not run again. While `retrying` the next attempt starts now.',
    body: nothing,
    conflicts: ['job_not_retryable', 'too_many_changes'],
  },
  {
    name: 'discard',
    summary: 'Discard a dead letter',
    description: 'Closes it as failed.',
    body: discardRequest,
    example: { reason: 'The customer has left.' },
    conflicts: ['job_not_dead_lettered'],
  },
  {
    name: 'notes',
    summary: 'Keep a note with a dead letter',
    description: 'The last 20 are shown.',
    body: noteRequest,
    example: { text: 'Waiting for the new mail server.' },
    conflicts: ['job_not_dead_lettered', 'too_many_changes'],
  },
];

const [anyType] = allJobTypes as [AnyJobType];

function describeAction(registry: OpenAPIRegistry, { name, summary, description, body, example, conflicts }: Action): void {
  const examples = example === undefined ? {} : { examples: { example: { value: example } } };
  describeRoute(registry, {
    method: 'post',
    path: `/v1/jobs/{id}/${name}`,
    operationId: name === 'notes' ? 'addNote' : `${name}Job`,
    scope: 'operate',
    tag: 'Jobs',
    summary,
    description,
    request: {
      params: jobParameter,
      body: { required: name === 'notes', content: { 'application/json': { schema: body, ...examples } } },
    },
    answers: { 202: answer('Asked for; the job may still be busy obeying.', job, { headers: ['Cache-Control'] }) },
    problems: [
      'malformed_json',
      ...(name === 'notes' || name === 'discard' ? (['secret_in_request'] as const) : []),
      'unsupported_media_type',
      'payload_too_large',
      'not_found',
      ...conflicts,
      'temporal_unavailable',
    ],
  });
}

export function describeJobActions(registry: OpenAPIRegistry): void {
  for (const action of actions) describeAction(registry, action);
  const request = z
    .looseObject({})
    .meta({ description: 'Replaces what was asked for: the body that the job type takes, without `options`.' });
  const edit = z.strictObject({ options: changedOptions.optional(), request: request.optional() });
  describeRoute(registry, {
    method: 'patch',
    path: '/v1/jobs/{id}',
    operationId: 'editJob',
    scope: 'operate',
    tag: 'Jobs',
    summary: 'Change a scheduled job',
    description: 'Only while it waits for its start time. A worker makes the change, all of it or nothing.',
    request: {
      params: jobParameter,
      body: {
        required: true,
        content: { 'application/json': { schema: edit, examples: { later: { value: { options: { delaySeconds: 3600 } } } } } },
      },
    },
    answers: {
      200: answer('As it is now.', job, { headers: ['Cache-Control'], examples: { [anyType.type]: exampleJob(anyType, 'queued') } }),
    },
    problems: [
      'malformed_json',
      'secret_in_request',
      'unsupported_media_type',
      'payload_too_large',
      'value_out_of_range',
      'start_in_past',
      'file_not_found',
      'file_quarantined',
      'file_rejected',
      'not_found',
      'job_not_scheduled',
      'too_many_changes',
      'limit_exceeded',
      'temporal_unavailable',
      'worker_unavailable',
      'storage_unavailable',
    ],
  });
}
