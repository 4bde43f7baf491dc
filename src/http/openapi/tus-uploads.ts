import type { OpenAPIRegistry } from '@asteasolutions/zod-to-openapi';
import { z } from 'zod';

import { uploadType } from '../upload-type.ts';
import { answer } from './responses.ts';
import { describeRoute } from './route.ts';
import { idempotencyKeyHeader, idParameter, orNull, time } from './schemas.ts';
import { submissionProblems } from './submissions.ts';

const id = 'tus_favhp5e7n7tcu3v4du3j3scdzk';
const self = `/v1/uploads/tus/${id}`;
const params = idParameter('Id of the upload.', id);

const partialUpload = z
  .object({
    id: z.string(),
    offset: z.int().min(0).meta({ description: 'Bytes that have arrived: the upload goes on there.' }),
    length: z.int().nullable().meta({ description: 'Of the whole file; null: it has not been told yet.' }),
    createdAt: time,
    expiresAt: time.meta({ description: 'From then on it is gone, but for its job and file.' }),
    jobId: orNull(z.string()).meta({ description: 'null: not all bytes are here.' }),
    links: z.object({ self: z.string(), job: z.string().optional() }),
  })
  .meta({ id: 'PartialUpload', description: 'An upload whose bytes come in several requests.' });

const example: z.infer<typeof partialUpload> = {
  id,
  offset: 5_242_880,
  length: 20_971_520,
  createdAt: '2026-11-22T13:25:37.756Z',
  expiresAt: '2026-11-23T13:25:37.756Z',
  jobId: null,
  links: { self },
};

const text = z.string().optional();
const tusVersion = z
  .string()
  .optional()
  .meta({ description: 'Has to be sent.', examples: ['1.0.0'] });
const length = text.meta({ description: 'Bytes of the whole file.', examples: ['20971520'] });
const octets = { 'application/offset+octet-stream': { schema: z.string().meta({ format: 'binary' }) } };

const creation = z.object({
  'Tus-Resumable': tusVersion,
  'Upload-Length': length,
  'Upload-Defer-Length': text.meta({ description: '`1` in the place of `Upload-Length`: it is told later.', examples: ['1'] }),
  'Upload-Metadata': text.meta({
    description:
      'Pairs of a key and base 64, separated by commas: `filename`, `filetype`, `request` (JSON, as the part of `POST /v1/uploads`), `sha256` (hex, looked at in the end). Others are kept and not looked at.',
    examples: ['filename cGhvdG8uanBn,filetype aW1hZ2UvanBlZw=='],
  }),
  'Idempotency-Key': idempotencyKeyHeader('job', 'photo-42'),
});

const progress = z.object({
  'Tus-Resumable': tusVersion,
  'Upload-Offset': text.meta({ description: 'Where the bytes of this request begin.', examples: ['5242880'] }),
  'Upload-Length': length.meta({ description: 'Once, if it was deferred.' }),
});

const common = { scope: 'submit', tag: 'Submissions' } as const;
const always = ['tus_version_unsupported', 'upload_busy'] as const;

export function describeTusUploads(registry: OpenAPIRegistry): void {
  const problems = [...submissionProblems(uploadType), 'digest_mismatch'] as const;
  describeRoute(registry, {
    ...{ ...common, method: 'post', path: '/v1/uploads/tus', operationId: 'beginUpload' },
    summary: 'Begin an upload in several requests (tus 1.0)',
    description:
      'Extensions: creation, creation-with-upload, creation-defer-length, termination, expiration; `OPTIONS`, without a key, tells them. The job starts when the last byte is here. The first bytes may be sent along.',
    request: { headers: creation, body: { required: false, content: octets } },
    answers: {
      201: answer('It can begin. `Location` is where its bytes go.', undefined, {
        headers: ['Location', 'Upload-Offset', 'Upload-Expires', 'Handoff-Job'],
      }),
    },
    problems: [...problems, ...always],
  });
  describeRoute(registry, {
    ...{ ...common, method: 'get', path: '/v1/uploads/tus/{id}', operationId: 'getUpload' },
    summary: 'How far an upload is',
    description:
      'With `HEAD` and `Tus-Resumable` it is answered in the headers `Upload-Offset`, `Upload-Length` and `Upload-Metadata`, as tus clients want it. When all bytes are here and the job could not be started, this starts it; when the file was refused, the answer says why.',
    request: { params, headers: z.object({ 'Tus-Resumable': tusVersion }) },
    answers: { 200: answer('The upload.', partialUpload, { headers: ['Handoff-Job', 'Cache-Control'], examples: { begun: example } }) },
    problems: [...problems, ...always, 'not_found', 'upload_expired'],
  });
  describeRoute(registry, {
    ...{ ...common, method: 'patch', path: '/v1/uploads/tus/{id}', operationId: 'continueUpload' },
    summary: 'Send bytes of an upload',
    description: 'What has come stays, also when the connection breaks. `HEAD` tells where to go on.',
    request: { params, headers: progress, body: { required: true, content: octets } },
    answers: {
      204: answer('They are stored. `Handoff-Job`: these were the last ones.', undefined, {
        headers: ['Upload-Offset', 'Upload-Expires', 'Handoff-Job'],
      }),
    },
    problems: [...problems, ...always, 'not_found', 'upload_expired', 'upload_offset_mismatch'],
  });
  describeRoute(registry, {
    ...{ ...common, method: 'delete', path: '/v1/uploads/tus/{id}', operationId: 'abandonUpload' },
    summary: 'Remove an upload that is not wanted any more',
    description: 'A job that has been started goes on.',
    request: { params, headers: z.object({ 'Tus-Resumable': tusVersion }) },
    answers: { 204: answer('It is gone.') },
    problems: [...always, 'not_found', 'upload_expired', 'storage_unavailable'],
  });
}
