import type { OpenAPIRegistry } from '@asteasolutions/zod-to-openapi';
import { z } from 'zod';

import { allJobTypes, type AnyJobType } from '../../jobs/registry.ts';
import { exampleJob, examplesOf } from './examples.ts';
import { jobSchemas, requestSchemas } from './job-schemas.ts';
import { answer } from './responses.ts';
import { describeRoute } from './route.ts';
import { idempotencyKeyHeader } from './schemas.ts';

export const preferHeader = z
  .string()
  .optional()
  .meta({ description: 'RFC 7240. `wait=N`: answer when the job has finished, or after N seconds (at most 30).', examples: ['wait=10'] });
const headers = z.object({ 'Idempotency-Key': idempotencyKeyHeader('job', 'order-42-confirmation'), Prefer: preferHeader });

function bodyOf(type: AnyJobType) {
  const request = requestSchemas.get(type.type) ?? type.submission;
  if (type.body !== 'multipart') {
    const examples = Object.fromEntries(examplesOf(request).map((value, index) => [`example${String(index + 1)}`, { value }]));
    const lines = z
      .string()
      .meta({ description: 'The first line is the request without its recipients; each further line is one of them.' });
    return {
      'application/json': { schema: request, examples },
      ...(type.body === 'json or lines' && { 'application/x-ndjson': { schema: lines } }),
    };
  }
  const parts = z.object({ file: z.string().meta({ format: 'binary' }), request: request.optional() });
  return { 'multipart/form-data': { schema: parts, encoding: { request: { contentType: 'application/json' } } } };
}

/** Of a request that starts a job. */
export function startedAnswers(type: AnyJobType) {
  const schema = jobSchemas.get(type.type);
  return {
    200: answer('Finished while you waited (`Prefer: wait=N`).', schema, {
      headers: ['Location', 'Preference-Applied', 'Idempotency-Replayed'],
      examples: { completed: exampleJob(type, 'completed') },
    }),
    202: answer('Stored by Temporal, not done yet.', schema, {
      headers: ['Location', 'Retry-After', 'Preference-Applied', 'Idempotency-Replayed'],
      leadsTo: ['getJob', 'explainJob', 'editJob', 'cancelJob', 'retryJob', 'discardJob', 'addNote'],
      examples: { queued: exampleJob(type, 'queued') },
    }),
  };
}

function describeSubmission(registry: OpenAPIRegistry, type: AnyJobType): void {
  describeRoute(registry, {
    method: 'post',
    path: `/v1${type.path}`,
    operationId: `submit${type.type.charAt(0).toUpperCase()}${type.type.slice(1)}`,
    scope: 'submit',
    tag: 'Submissions',
    summary: `Start a job of type ${type.type}`,
    request: { headers, body: { required: true, content: bodyOf(type) } },
    answers: startedAnswers(type),
    problems: [
      'invalid_request',
      'secret_in_request',
      'value_out_of_range',
      'invalid_idempotency_key',
      'start_in_past',
      'malformed_json',
      ...(type.body === 'multipart' ? (['malformed_multipart'] as const) : []),
      ...(type.problems ?? []),
      'payload_too_large',
      'unsupported_media_type',
      'idempotency_key_reused',
      'limit_exceeded',
      'temporal_unavailable',
      'storage_unavailable',
      'overloaded',
    ],
  });
}

export function describeSubmissions(registry: OpenAPIRegistry): void {
  for (const type of allJobTypes) describeSubmission(registry, type);
}
