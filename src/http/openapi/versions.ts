import type { OpenAPIRegistry } from '@asteasolutions/zod-to-openapi';
import { z } from 'zod';

import type { ErrorCode } from '../../errors.ts';
import { versionedName } from '../../jobs/versions.ts';
import { versionsQuery } from '../versions.ts';
import { examplesOf } from './examples.ts';
import { answer } from './responses.ts';
import { describeRoute, type tags } from './route.ts';
import { time } from './schemas.ts';

export interface DescribedVersions {
  tag: keyof typeof tags;
  /** Below `/v1`. */
  path: string;
  /** With its article. */
  noun: { one: string; many: string };
  /** In operation ids and in names of schemas, as one and many: `EmailTemplate`, `EmailTemplates`. */
  named: { one: string; many: string };
  /** Of the example. */
  name: string;
  /** As `versionRoutes` have it. */
  hasPreview?: boolean;
  /** The body of `PUT`, with an example. */
  request: z.ZodType;
  /** What a version has beside what a list tells: each is there, and null where the body had nothing. */
  content: z.ZodRawShape;
  /** How the body is checked. */
  checked: string;
  problems: readonly ErrorCode[];
  removed: string;
}

const entryFields = {
  name: z.string(),
  version: z.int().min(1),
  description: z.string().nullable(),
  createdAt: time.meta({ description: 'Of this version.' }),
};
const links = z.object({ self: z.string(), version: z.string(), versions: z.string() });

export const nameParameterOf = (example: string) => z.object({ name: versionedName.meta({ description: 'Name.', examples: [example] }) });
const queryProblems = ['invalid_filter', 'value_out_of_range', 'invalid_cursor'] as const;
const conditions = z.object({
  'If-Match': z
    .string()
    .regex(/^"[1-9]\d{0,8}"$/)
    .optional()
    .meta({ examples: ['"3"'] }),
  'If-None-Match': z
    .string()
    .optional()
    .meta({ examples: ['*'] }),
});

/** The routes of `versionRoutes`. */
export function describeVersions(
  registry: OpenAPIRegistry,
  { tag, path: below, noun, named, name, hasPreview = true, request, content, checked, problems, removed }: DescribedVersions,
): void {
  const common = { tag } as const;
  const path = `/v1${below}`;
  const self = `${path}/${name}`;
  const entry = z
    .object({ ...entryFields, links: hasPreview ? links.extend({ preview: z.string() }) : links })
    .meta({ id: `${named.one}Entry` });
  const version = entry.extend(content).meta({ id: named.one, description: 'One version, as it was put. It never changes.' });
  const page = z
    .object({
      items: z.array(entry),
      nextCursor: z.string().nullable().meta({ description: '`cursor` of the next page; null: there is none.' }),
    })
    .meta({ id: `${named.one}Page` });
  const exampleEntry: z.infer<typeof entry> = {
    ...{ name, version: 3, description: null, createdAt: '2026-11-22T13:25:38.095Z' },
    links: { self, version: `${self}/versions/3`, versions: `${self}/versions`, ...(hasPreview && { preview: `${self}/preview` }) },
  };
  const [asked] = examplesOf(request) as [object];
  const example = { ...exampleEntry, ...Object.fromEntries(Object.keys(content).map((field) => [field, null])), ...asked };
  const one = (description: string, headers: ('ETag' | 'Location')[] = ['ETag']) =>
    answer(description, version, { headers: [...headers, 'Cache-Control'], examples: { [name]: example } });
  const list = (description: string) =>
    answer(description, page, { headers: ['Link', 'Cache-Control'], examples: { one: { items: [exampleEntry], nextCursor: null } } });
  const params = nameParameterOf(name);

  describeRoute(registry, {
    ...{ ...common, method: 'get', path, operationId: `list${named.many}`, scope: 'read' },
    summary: `The ${noun.many} of the tenant`,
    description: 'By name, each with its newest version.',
    request: { query: versionsQuery },
    answers: { 200: list('A page.') },
    problems: queryProblems,
  });
  describeRoute(registry, {
    ...{ ...common, method: 'get', path: `${path}/{name}`, operationId: `get${named.one}`, scope: 'read' },
    summary: `The newest version of ${noun.one}`,
    request: { params },
    answers: { 200: one('The newest version.') },
    problems: ['not_found'],
  });
  describeRoute(registry, {
    ...{ ...common, method: 'put', path: `${path}/{name}`, operationId: `put${named.one}`, scope: 'operate' },
    summary: `Make a version of ${noun.one}`,
    description: `${checked} The same body as that of the newest version makes no new one. \`If-Match\` with the ETag of the newest version, or \`If-None-Match: *\` for a new name, refuses to overwrite what somebody else has put meanwhile.`,
    request: {
      params,
      headers: [conditions],
      body: { required: true, content: { 'application/json': { schema: request, examples: { [name]: { value: asked } } } } },
    },
    answers: { 200: one('It is the newest version already.'), 201: one('The new version.', ['Location', 'ETag']) },
    problems: [
      ...(['malformed_json', 'unsupported_media_type', 'payload_too_large', 'secret_in_request', 'precondition_failed'] as const),
      ...problems,
    ],
  });
  describeRoute(registry, {
    ...{ ...common, method: 'delete', path: `${path}/{name}`, operationId: `delete${named.one}`, scope: 'operate' },
    summary: `Remove ${noun.one}`,
    description: removed,
    request: { params },
    answers: { 204: answer('It is removed.') },
    problems: ['not_found'],
  });
  describeRoute(registry, {
    ...{ ...common, method: 'get', path: `${path}/{name}/versions`, operationId: `list${named.one}Versions`, scope: 'read' },
    summary: `The versions of ${noun.one}`,
    description: 'Newest first.',
    request: { params, query: versionsQuery },
    answers: { 200: list('A page.') },
    problems: [...queryProblems, 'not_found'],
  });
  describeRoute(registry, {
    ...{ ...common, method: 'get', path: `${path}/{name}/versions/{version}`, operationId: `get${named.one}Version` },
    scope: 'read',
    summary: `One version of ${noun.one}`,
    request: {
      params: params.extend({
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
