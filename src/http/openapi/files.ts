import type { OpenAPIRegistry } from '@asteasolutions/zod-to-openapi';
import { z } from 'zod';

import { exampleFile } from '../../jobs/linked-file.ts';
import { fileQuery } from '../files.ts';
import { answer } from './responses.ts';
import { describeRoute } from './route.ts';
import { file, idParameter } from './schemas.ts';

const params = idParameter('Id of the file.', exampleFile.id);

const conditions = z.object({
  Range: z
    .string()
    .optional()
    .meta({ description: 'One range; several give the whole file.', examples: ['bytes=0-99'] }),
  'If-Range': z.string().optional().meta({ description: 'The `ETag` for which the range is meant.' }),
  'If-None-Match': z.string().optional().meta({ description: 'An `ETag` that you have the bytes of.' }),
});

const signature = z.object({
  expires: z.string().optional().meta({ description: 'Of a signed link: Unix time in seconds.' }),
  signature: z.string().optional().meta({ description: 'Of a signed link.' }),
});

const example = {
  ...exampleFile,
  createdAt: '2026-11-22T13:25:38.900Z',
  jobId: 'report_favhp5ge2rm62zof2zj3sgeyag',
  downloads: 2,
  maxDownloads: null,
  lastDownloadedAt: '2026-11-22T14:01:02.000Z',
  state: 'ready',
  rejection: null,
  checks: null,
};

const page = z
  .object({
    items: z.array(file),
    nextCursor: z.string().nullable().meta({ description: '`cursor` of the next page; null: there is none.' }),
  })
  .meta({ id: 'FilePage' });

export function describeFiles(registry: OpenAPIRegistry): void {
  describeRoute(registry, {
    method: 'get',
    path: '/v1/files',
    operationId: 'listFiles',
    scope: 'read',
    tag: 'Files',
    summary: 'Which files there are',
    description: 'Newest first. Without those that a job needs only while it works.',
    request: { query: fileQuery },
    answers: {
      200: answer('A page.', page, { headers: ['Link', 'Cache-Control'], examples: { one: { items: [example], nextCursor: null } } }),
    },
    problems: ['invalid_filter', 'value_out_of_range', 'invalid_cursor'],
  });
  describeRoute(registry, {
    method: 'get',
    path: '/v1/files/{id}',
    operationId: 'getFile',
    scope: 'read',
    tag: 'Files',
    summary: 'Metadata of a file',
    request: { params },
    answers: { 200: answer('The metadata.', file, { headers: ['Cache-Control'], examples: { report: example } }) },
    problems: ['not_found', 'file_expired'],
  });
  describeRoute(registry, {
    method: 'delete',
    path: '/v1/files/{id}',
    operationId: 'deleteFile',
    scope: 'operate',
    tag: 'Files',
    summary: 'Delete a file',
    description: 'Its links stop working at once; links in the results of jobs lead nowhere then.',
    request: { params },
    answers: { 204: answer('It is gone.') },
    problems: ['not_found'],
  });
  const bytes = z.string().meta({ format: 'binary' });
  const always = ['ETag', 'Cache-Control', 'Content-Disposition', 'Accept-Ranges'] as const;
  const contentType = '*/*';
  describeRoute(registry, {
    method: 'get',
    path: '/v1/files/{id}/content',
    operationId: 'getFileContent',
    scope: 'read',
    tag: 'Files',
    summary: 'The bytes of a file',
    description:
      'With the content type of the file, always as a download. The bytes of an id never change. The `content` link of a file has `expires` and `signature`: it works without a key until it expires, or was used as often as it may be (`maxDownloads`); then it knows no ranges.',
    request: { params, query: signature, headers: conditions },
    keyIsOptional: true,
    answers: {
      200: answer('The bytes.', bytes, { headers: always, contentType }),
      206: answer('The range that was asked for.', bytes, { headers: [...always, 'Content-Range'], contentType }),
      304: answer('You have these bytes.', undefined, { headers: ['ETag'] }),
    },
    problems: [
      ...(['not_found', 'link_expired', 'link_used_up', 'file_expired', 'file_quarantined', 'file_rejected'] as const),
      ...(['range_not_satisfiable', 'storage_unavailable'] as const),
    ],
  });
}
