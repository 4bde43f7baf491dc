import type { OpenAPIRegistry } from '@asteasolutions/zod-to-openapi';
import { z } from 'zod';

import { messageRequest, previewRequest } from '../template-requests.ts';

import { examplesOf } from './examples.ts';
import { answer } from './responses.ts';
import { describeRoute } from './route.ts';
import { nameParameterOf } from './versions.ts';

const preview = z
  .object({
    name: z.string(),
    version: z.int().nullable().meta({ description: 'null: a source that is not saved.' }),
    subject: z.string(),
    html: z.string().nullable(),
    text: z.string().nullable().meta({ description: 'Made from the HTML part where the template has none.' }),
    size: z.object({ html: z.int().nullable(), text: z.int().nullable() }).meta({ description: 'In bytes.' }),
    missing: z.array(z.string()).meta({ description: 'Variables that the template reads and that are not given: sending it would fail.' }),
    unused: z.array(z.string()).meta({ description: 'Variables that are given, and that the template names nowhere.' }),
    problems: z
      .array(z.object({ pointer: z.string(), detail: z.string() }))
      .meta({ description: 'Why a submission would be refused, or the sending would fail.' }),
    warnings: z.array(z.string()),
  })
  .meta({ id: 'EmailTemplatePreview' });

const example: z.infer<typeof preview> = {
  ...{ name: 'welcome', version: 3, subject: 'Welcome, Ada', html: '<p>Hello Ada</p>', text: 'Hello Ada' },
  ...{ size: { html: 16, text: 9 }, missing: [], unused: ['city'], problems: [], warnings: [] },
};

const nameParameter = nameParameterOf('welcome');
const json = ['malformed_json', 'unsupported_media_type', 'payload_too_large', 'not_found', 'template_invalid', 'overloaded'] as const;
const body = (schema: z.ZodType) => ({
  required: false,
  content: { 'application/json': { schema, examples: { ada: { value: examplesOf(schema)[0] } } } },
});

export function describeTemplatePreview(registry: OpenAPIRegistry): void {
  describeRoute(registry, {
    method: 'post',
    path: '/v1/email-templates/{name}/preview',
    operationId: 'previewEmailTemplate',
    scope: 'read',
    tag: 'E-mail templates',
    summary: 'What a template becomes',
    description: 'Of a version, or of a source that is not saved yet. Nothing is stored and nothing is sent.',
    request: { params: nameParameter, body: body(previewRequest) },
    answers: { 200: answer('The rendered parts.', preview, { headers: ['Cache-Control'], examples: { example } }) },
    problems: json,
  });
  describeRoute(registry, {
    method: 'post',
    path: '/v1/email-templates/{name}/message',
    operationId: 'getEmailTemplateMessage',
    scope: 'read',
    tag: 'E-mail templates',
    summary: 'The finished message, as a file',
    description: 'As it would be sent, but to `recipient@example.com`: a `.eml` file for a mail program. Nothing is sent.',
    request: { params: nameParameter, body: body(messageRequest) },
    answers: {
      200: answer('RFC 5322.', z.string(), { contentType: 'message/rfc822', headers: ['Content-Disposition', 'Cache-Control'] }),
    },
    problems: [...json, 'template_failed'],
  });
}
