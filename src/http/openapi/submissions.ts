import type { OpenAPIRegistry } from '@asteasolutions/zod-to-openapi';
import { z } from 'zod';

import type { ErrorCode } from '../../errors.ts';
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

const digest = z
  .string()
  .optional()
  .meta({
    description: 'RFC 9530, with `sha-256` or `sha-512`, of the whole body: other bytes are refused.',
    examples: ['sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:'],
  });

/** Where a file comes. */
export const bodyHeaders = headers.extend({ 'Content-Digest': digest, 'Repr-Digest': digest });

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

/** Codes of a submission, in whatever way it comes. */
export function submissionProblems(type: AnyJobType): ErrorCode[] {
  return [
    'invalid_request',
    'secret_in_request',
    'value_out_of_range',
    'invalid_idempotency_key',
    'start_in_past',
    'malformed_json',
    ...(type.problems ?? []),
    'payload_too_large',
    'unsupported_media_type',
    'idempotency_key_reused',
    'limit_exceeded',
    'temporal_unavailable',
    'storage_unavailable',
    'storage_full',
    'overloaded',
  ];
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
    request: { headers: type.body === 'multipart' ? bodyHeaders : headers, body: { required: true, content: bodyOf(type) } },
    answers: startedAnswers(type),
    problems: [...submissionProblems(type), ...(type.body === 'multipart' ? (['malformed_multipart', 'digest_mismatch'] as const) : [])],
  });
}

export function describeSubmissions(registry: OpenAPIRegistry): void {
  for (const type of allJobTypes) describeSubmission(registry, type);
}
