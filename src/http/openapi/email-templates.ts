import type { OpenAPIRegistry } from '@asteasolutions/zod-to-openapi';
import { z } from 'zod';

import { templateName } from '../../jobs/email-fields.ts';
import { templatesQuery } from '../email-templates.ts';
import { templateRequest } from '../template-requests.ts';
import { examplesOf } from './examples.ts';
import { answer } from './responses.ts';
import { describeRoute } from './route.ts';
import { time } from './schemas.ts';

const entry = z
  .object({
    name: z.string(),
    version: z.int().min(1),
    description: z.string().nullable(),
    createdAt: time.meta({ description: 'Of this version.' }),
    links: z.object({ self: z.string(), version: z.string(), versions: z.string(), preview: z.string() }),
  })
  .meta({ id: 'EmailTemplateEntry' });

const { schema, sample } = templateRequest.shape;
const template = entry
  .extend({
    subject: z.string(),
    mjml: z.string().nullable(),
    html: z.string().nullable(),
    text: z.string().nullable(),
    schema,
    sample,
  })
  .meta({ id: 'EmailTemplate', description: 'One version, as it was put. It never changes.' });

const page = z
  .object({
    items: z.array(entry),
    nextCursor: z.string().nullable().meta({ description: '`cursor` of the next page; null: there is none.' }),
  })
  .meta({ id: 'EmailTemplatePage' });

const self = '/v1/email-templates/welcome';
const exampleEntry: z.infer<typeof entry> = {
  name: 'welcome',
  version: 3,
  description: null,
  createdAt: '2026-11-22T13:25:38.095Z',
  links: { self, version: `${self}/versions/3`, versions: `${self}/versions`, preview: `${self}/preview` },
};
const [asked] = examplesOf(templateRequest) as [object];
const example = { ...exampleEntry, html: null, text: null, ...asked };
const one = (description: string, headers: ('ETag' | 'Location')[] = ['ETag']) =>
  answer(description, template, { headers: [...headers, 'Cache-Control'], examples: { welcome: example } });
const list = (description: string) =>
  answer(description, page, { headers: ['Link', 'Cache-Control'], examples: { one: { items: [exampleEntry], nextCursor: null } } });

export const nameParameter = z.object({ name: templateName.meta({ description: 'Name of the template.', examples: ['welcome'] }) });
const queryProblems = ['invalid_filter', 'value_out_of_range', 'invalid_cursor'] as const;
const common = { tag: 'E-mail templates' } as const;

export function describeEmailTemplates(registry: OpenAPIRegistry): void {
  describeRoute(registry, {
    ...{ ...common, method: 'get', path: '/v1/email-templates', operationId: 'listEmailTemplates', scope: 'read' },
    summary: 'The e-mail templates of the tenant',
    description: 'By name, each with its newest version.',
    request: { query: templatesQuery },
    answers: { 200: list('A page.') },
    problems: queryProblems,
  });
  describeRoute(registry, {
    ...{ ...common, method: 'get', path: '/v1/email-templates/{name}', operationId: 'getEmailTemplate', scope: 'read' },
    summary: 'The newest version of an e-mail template',
    request: { params: nameParameter },
    answers: { 200: one('The newest version.') },
    problems: ['not_found'],
  });
  describeRoute(registry, {
    ...{ ...common, method: 'put', path: '/v1/email-templates/{name}', operationId: 'putEmailTemplate', scope: 'operate' },
    summary: 'Make a version of an e-mail template',
    description:
      'MJML is compiled, CSS is inlined, and the sample is rendered: what is not valid is refused, with its place. The same body as that of the newest version makes no new one. `If-Match` with the ETag of the newest version, or `If-None-Match: *` for a new template, refuses to overwrite what somebody else has put meanwhile.',
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
      body: { required: true, content: { 'application/json': { schema: templateRequest, examples: { welcome: { value: asked } } } } },
    },
    answers: { 200: one('It is the newest version already.'), 201: one('The new version.', ['Location', 'ETag']) },
    problems: [
      ...(['malformed_json', 'unsupported_media_type', 'payload_too_large', 'secret_in_request'] as const),
      ...(['template_invalid', 'precondition_failed', 'overloaded'] as const),
    ],
  });
  describeRoute(registry, {
    ...{ ...common, method: 'delete', path: '/v1/email-templates/{name}', operationId: 'deleteEmailTemplate', scope: 'operate' },
    summary: 'Remove an e-mail template',
    description: 'No new job can have it. Jobs that were taken before send it as they would have.',
    request: { params: nameParameter },
    answers: { 204: answer('It is removed.') },
    problems: ['not_found'],
  });
  describeRoute(registry, {
    ...{ ...common, method: 'get', path: '/v1/email-templates/{name}/versions', operationId: 'listEmailTemplateVersions', scope: 'read' },
    summary: 'The versions of an e-mail template',
    description: 'Newest first.',
    request: { params: nameParameter, query: templatesQuery },
    answers: { 200: list('A page.') },
    problems: [...queryProblems, 'not_found'],
  });
  describeRoute(registry, {
    ...{ ...common, method: 'get', path: '/v1/email-templates/{name}/versions/{version}', operationId: 'getEmailTemplateVersion' },
    scope: 'read',
    summary: 'One version of an e-mail template',
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
