import type { OpenAPIRegistry } from '@asteasolutions/zod-to-openapi';
import { z } from 'zod';

import { presignedFields } from '../../jobs/presigned-upload.ts';
import { jobTypeOf } from '../../jobs/registry.ts';
import { requestSchemas } from './job-schemas.ts';
import { answer } from './responses.ts';
import { describeRoute } from './route.ts';
import { idParameter, time } from './schemas.ts';
import { preferHeader, startedAnswers } from './submissions.ts';

const id = 'presigned_favhp5e7n7tcu3v4du3j3scdzk';
const complete = `/v1/uploads/presigned/${id}/complete`;

const asked = z
  .strictObject({ ...presignedFields, request: z.optional(requestSchemas.get('upload') ?? z.unknown()) })
  .meta({ id: 'PresignedUploadRequest' });

const opened = z
  .object({
    id: z.string(),
    upload: z
      .object({
        method: z.literal('PUT'),
        url: z.url(),
        headers: z.record(z.string(), z.string()).meta({ description: 'Which the request must have, and no other `x-amz-…`.' }),
      })
      .meta({ description: 'The request that brings the bytes to the storage. Whoever has it needs no key.' }),
    expiresAt: time.meta({ description: 'The request must begin by then.' }),
    links: z.object({ complete: z.string() }),
  })
  .meta({ id: 'PresignedUpload' });

const example = {
  id,
  upload: {
    method: 'PUT',
    url: `https://files.s3.eu-west-1.amazonaws.com/handoff/presigned/${id}/bytes?X-Amz-Signature=0f3c`,
    headers: { 'Content-Type': 'image/jpeg' },
  },
  expiresAt: '2026-11-22T14:25:38.000Z',
  links: { complete },
};

export function describePresignedUploads(registry: OpenAPIRegistry): void {
  const type = jobTypeOf('upload');
  if (type === undefined) throw new Error('There is no job type for uploads');
  describeRoute(registry, {
    ...{ method: 'post', path: '/v1/uploads/presigned', operationId: 'openPresignedUpload', scope: 'submit', tag: 'Submissions' },
    summary: 'A signed address to which a client uploads a file by itself',
    description: 'Only where files lie in S3. All that can be refused of the job is refused now; it starts with the completion call.',
    request: {
      body: {
        required: true,
        content: {
          'application/json': {
            schema: asked,
            examples: { photo: { value: { name: 'photo.jpg', contentType: 'image/jpeg', size: 69_776, request: { variants: [] } } } },
          },
        },
      },
    },
    answers: { 201: answer('Send the file there, then complete it.', opened, { headers: ['Cache-Control'], examples: { example } }) },
    problems: [
      ...([
        'invalid_request',
        'secret_in_request',
        'value_out_of_range',
        'start_in_past',
        'malformed_json',
        'unsupported_media_type',
      ] as const),
      ...(['payload_too_large', 'preset_not_found', 'file_not_accepted', 'presigned_unavailable', 'limit_exceeded'] as const),
      ...(['storage_unavailable', 'overloaded'] as const),
    ],
  });
  describeRoute(registry, {
    ...{ method: 'post', path: '/v1/uploads/presigned/{id}/complete', operationId: 'completePresignedUpload', scope: 'submit' },
    tag: 'Submissions',
    summary: 'Start the job of a file that is uploaded',
    description: 'Repeating it is safe: it is the same job. Pointers are those of `POST /v1/uploads`.',
    request: { params: idParameter('Id of the presigned upload.', id), headers: z.object({ Prefer: preferHeader }) },
    answers: startedAnswers(type),
    problems: [
      ...(['not_found', 'presigned_unavailable', 'presigned_expired', 'upload_not_received', 'upload_differs', 'start_in_past'] as const),
      ...(type.problems ?? []),
      ...(['payload_too_large', 'limit_exceeded', 'temporal_unavailable', 'storage_unavailable', 'overloaded'] as const),
    ],
  });
}
