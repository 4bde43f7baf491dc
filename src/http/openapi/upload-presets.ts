import type { OpenAPIRegistry } from '@asteasolutions/zod-to-openapi';
import { z } from 'zod';

import { versionedName as presetName } from '../../jobs/versions.ts';
import { uploadPresetRequest } from '../../jobs/upload-presets.ts';
import { presetsQuery } from '../upload-presets.ts';
import { examplesOf } from './examples.ts';
import { answer } from './responses.ts';
import { describeRoute } from './route.ts';
import { time } from './schemas.ts';

const preset = z
  .object({
    name: z.string(),
    version: z.int().min(1),
    createdAt: time.meta({ description: 'Of this version.' }),
    ...uploadPresetRequest.shape,
    links: z.object({ self: z.string(), version: z.string() }),
  })
  .meta({ id: 'UploadPreset', description: 'One version, as it was put. It never changes.' });

const page = z
  .object({
    items: z.array(preset),
    nextCursor: z.string().nullable().meta({ description: '`cursor` of the next page; null: there is none.' }),
  })
  .meta({ id: 'UploadPresetPage' });

const self = '/v1/upload-presets/avatar';
const [asked] = examplesOf(uploadPresetRequest) as [object];
const example = {
  ...{ name: 'avatar', version: 3, createdAt: '2026-11-22T13:25:38.095Z', ...asked },
  links: { self, version: `${self}/versions/3` },
};
const one = (description: string, headers: ('ETag' | 'Location')[] = ['ETag']) =>
  answer(description, preset, { headers: [...headers, 'Cache-Control'], examples: { avatar: example } });

const nameParameter = z.object({ name: presetName.meta({ description: 'Name of the preset.', examples: ['avatar'] }) });
const common = { tag: 'Upload presets' } as const;

export function describeUploadPresets(registry: OpenAPIRegistry): void {
  describeRoute(registry, {
    ...{ ...common, method: 'get', path: '/v1/upload-presets', operationId: 'listUploadPresets', scope: 'read' },
    summary: 'The upload presets of the tenant',
    description: 'By name, each with its newest version.',
    request: { query: presetsQuery },
    answers: {
      200: answer('A page.', page, { headers: ['Link', 'Cache-Control'], examples: { one: { items: [example], nextCursor: null } } }),
    },
    problems: ['invalid_filter', 'value_out_of_range', 'invalid_cursor'],
  });
  describeRoute(registry, {
    ...{ ...common, method: 'get', path: '/v1/upload-presets/{name}', operationId: 'getUploadPreset', scope: 'read' },
    summary: 'The newest version of an upload preset',
    request: { params: nameParameter },
    answers: { 200: one('The newest version.') },
    problems: ['not_found'],
  });
  describeRoute(registry, {
    ...{ ...common, method: 'put', path: '/v1/upload-presets/{name}', operationId: 'putUploadPreset', scope: 'operate' },
    summary: 'Make a version of an upload preset',
    description:
      'The same body as that of the newest version makes no new one. `If-Match` with the ETag of the newest version, or `If-None-Match: *` for a new preset, refuses to overwrite what somebody else has put meanwhile.',
    request: {
      params: nameParameter,
      headers: [
        z.object({
          'If-Match': z
            .string()
            .regex(/^"[1-9]\d{0,8}"$/)
            .optional()
            .meta({ examples: ['"3"'] }),
          'If-None-Match': z
            .string()
            .optional()
            .meta({ examples: ['*'] }),
        }),
      ],
      body: { required: true, content: { 'application/json': { schema: uploadPresetRequest, examples: { avatar: { value: asked } } } } },
    },
    answers: { 200: one('It is the newest version already.'), 201: one('The new version.', ['Location', 'ETag']) },
    problems: ['malformed_json', 'unsupported_media_type', 'payload_too_large', 'secret_in_request', 'precondition_failed'],
  });
  describeRoute(registry, {
    ...{ ...common, method: 'delete', path: '/v1/upload-presets/{name}', operationId: 'deleteUploadPreset', scope: 'operate' },
    summary: 'Remove an upload preset',
    description: 'No new job can have it. Jobs that were taken before go on with what it said then.',
    request: { params: nameParameter },
    answers: { 204: answer('It is removed.') },
    problems: ['not_found'],
  });
  describeRoute(registry, {
    ...{ ...common, method: 'get', path: '/v1/upload-presets/{name}/versions/{version}', operationId: 'getUploadPresetVersion' },
    scope: 'read',
    summary: 'One version of an upload preset',
    request: {
      params: nameParameter.extend({
        version: z.coerce
          .number()
          .int()
          .min(1)
          .max(999_999_999)
          .meta({ examples: [3] }),
      }),
    },
    answers: { 200: one('The version.') },
    problems: ['not_found'],
  });
}
