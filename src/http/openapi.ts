import { extendZodWithOpenApi, OpenAPIRegistry, OpenApiGeneratorV31, type RouteConfig } from '@asteasolutions/zod-to-openapi';
import { z } from 'zod';

import { errorCodes } from '../errors.ts';
import { jobStatuses } from '../jobs/job.ts';
import { allJobTypes, type AnyJobType } from '../jobs/registry.ts';

extendZodWithOpenApi(z);

const time = z.iso.datetime();

const problem = z
  .object({
    type: z.url(),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    instance: z.string().optional(),
    code: z.enum(errorCodes),
    requestId: z.string().optional(),
    retryable: z.boolean(),
    errors: z.array(z.object({ pointer: z.string(), detail: z.string() })).optional(),
  })
  .openapi('Problem', { description: 'RFC 9457 problem details.' });

const progress = z.object({ done: z.int(), total: z.int().nullable(), unit: z.string(), stage: z.string() }).openapi('Progress');

const job = z
  .object({
    id: z.string(),
    type: z.enum(allJobTypes.map((type) => type.type)),
    status: z.enum(jobStatuses),
    createdAt: time,
    startedAt: time.nullable(),
    finishedAt: time.nullable(),
    attempt: z.int().nullable().openapi({ description: 'Of the step that runs now, or ran last; 1 is the first.' }),
    progress: progress.nullable(),
    result: z.unknown().openapi({ description: 'Per type; null until the job is completed.' }),
    error: problem.nullable().openapi({ description: 'The final failure or, while retrying, the last.' }),
    labels: z.record(z.string(), z.string()),
    links: z.object({ self: z.string(), temporal: z.string().optional() }),
  })
  .openapi('Job');

const file = z
  .object({
    id: z.string(),
    name: z.string(),
    contentType: z.string(),
    size: z.int().openapi({ description: 'In bytes.' }),
    sha256: z.string(),
    createdAt: time,
    jobId: z.string(),
    links: z.object({ self: z.string(), content: z.string() }),
  })
  .openapi('File');

type Responses = RouteConfig['responses'];

function problemsFor(...statuses: number[]): Responses {
  const content = { 'application/problem+json': { schema: problem } };
  return Object.fromEntries(statuses.map((status) => [String(status), { description: 'Problem', content }]));
}

function answer(description: string, schema: z.ZodType): Responses[string] {
  return { description, content: { 'application/json': { schema } } };
}

const security = [{ apiKey: [] }];

function submissionOf(type: AnyJobType): RouteConfig {
  const upload = z.object({ file: z.string().openapi({ format: 'binary' }), request: type.request.optional() });
  const content = type.body === 'json' ? { 'application/json': { schema: type.request } } : { 'multipart/form-data': { schema: upload } };
  return {
    method: 'post',
    path: `/v1${type.path}`,
    operationId: `submit_${type.type}`,
    summary: `Start a job of type ${type.type}`,
    security,
    request: {
      headers: z.object({
        'Idempotency-Key': z.string().max(255).optional().openapi({ description: 'Makes repeating safe: the same key is the same job.' }),
      }),
      body: { required: true, content },
    },
    responses: {
      202: {
        ...answer('Stored. `Location` is the job.', job),
        headers: z.object({ Location: z.string(), 'Retry-After': z.string(), 'Idempotency-Replayed': z.enum(['true']).optional() }),
      },
      ...problemsFor(400, 401, 413, 415, 422, 503),
    },
  };
}

/** OpenAPI 3.1, made from the schemas that validate. */
export function openApiDocument(): object {
  const registry = new OpenAPIRegistry();
  registry.registerComponent('securitySchemes', 'apiKey', { type: 'http', scheme: 'bearer' });
  for (const type of allJobTypes) registry.registerPath(submissionOf(type));
  const one = { params: z.object({ id: z.string() }) };
  const get = (path: string, operationId: string, summary: string, responses: Responses, request?: RouteConfig['request']) => {
    registry.registerPath({ method: 'get', path, operationId, summary, responses, ...(request ? { request, security } : {}) });
  };
  get('/v1/jobs/{id}', 'get_job', 'A job', { 200: answer('The job', job), ...problemsFor(401, 404, 503) }, one);
  get('/v1/files/{id}', 'get_file', 'Metadata of a file', { 200: answer('The metadata', file), ...problemsFor(401, 404, 503) }, one);
  const bytes = { description: 'The bytes, or a range of them', content: { 'application/octet-stream': { schema: z.string() } } };
  const responses = { 200: bytes, 206: bytes, 304: { description: 'Not modified' } };
  get('/v1/files/{id}/content', 'get_file_content', 'The bytes of a file', { ...responses, ...problemsFor(401, 404, 416, 503) }, one);
  get('/livez', 'livez', 'The process answers', { 200: answer('Alive', z.object({ status: z.literal('alive') })) });
  get('/readyz', 'readyz', 'Work can be done', {
    200: answer('Ready', z.object({ status: z.literal('ready'), checks: z.record(z.string(), z.string()) })),
    ...problemsFor(503),
  });
  return new OpenApiGeneratorV31(registry.definitions).generateDocument({
    openapi: '3.1.0',
    info: { title: 'Handoff', version: '0.1.0', description: 'Background jobs: e-mail, reports and uploads, on Temporal.' },
    servers: [{ url: '/' }],
  });
}
