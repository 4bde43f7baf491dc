import type { OpenAPIRegistry } from '@asteasolutions/zod-to-openapi';
import { z } from 'zod';

import { uploadType } from '../upload-type.ts';
import { exampleJob } from './examples.ts';
import { jobSchemas } from './job-schemas.ts';
import { answer } from './responses.ts';
import { describeRoute } from './route.ts';
import { bodyHeaders, submissionProblems } from './submissions.ts';

const query = z.object({
  request: z
    .string()
    .optional()
    .meta({ description: 'JSON, as the part `request` of `POST /v1/uploads`.', examples: ['{"preset":"avatar"}'] }),
});

export function describeRawUploads(registry: OpenAPIRegistry): void {
  const schema = jobSchemas.get(uploadType.type);
  describeRoute(registry, {
    method: 'put',
    path: '/v1/uploads/raw/{name}',
    operationId: 'putUpload',
    scope: 'submit',
    tag: 'Submissions',
    summary: 'Start a job of type upload with the file as the whole body',
    description:
      'The type of the file is its `Content-Type`, its name the end of the path, as `curl -T` sends it. Pointers to what is wrong are those of `POST /v1/uploads`: `/file` and `/request/…`.',
    request: {
      headers: bodyHeaders,
      params: z.object({ name: z.string().meta({ description: 'Name of the file.', examples: ['photo.jpg'] }) }),
      query,
      body: { required: true, content: { 'application/octet-stream': { schema: z.string().meta({ format: 'binary' }) } } },
    },
    answers: {
      200: answer('Finished while you waited (`Prefer: wait=N`).', schema, {
        headers: ['Location', 'Preference-Applied', 'Idempotency-Replayed'],
        examples: { completed: exampleJob(uploadType, 'completed') },
      }),
      202: answer('Stored by Temporal, not done yet.', schema, {
        headers: ['Location', 'Retry-After', 'Preference-Applied', 'Idempotency-Replayed', 'Want-Content-Digest'],
        examples: { queued: exampleJob(uploadType, 'queued') },
      }),
    },
    problems: ['malformed_request', 'digest_mismatch', ...submissionProblems(uploadType)],
  });
}
