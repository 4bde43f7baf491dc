import type { OpenAPIRegistry } from '@asteasolutions/zod-to-openapi';
import { z } from 'zod';

import { dataSourceKinds, dataSourceRequest } from '../../jobs/data-sources.ts';
import { dataSourceParameter } from '../data-sources.ts';
import { examplesOf } from './examples.ts';
import { answer } from './responses.ts';
import { describeRoute } from './route.ts';
import { time } from './schemas.ts';

const source = z
  .object({
    name: z.string(),
    description: z.string().nullable(),
    settings: z.looseObject({ kind: z.enum(dataSourceKinds) }).meta({ description: 'As it was put, without what is secret.' }),
    secretNames: z.array(z.string()).meta({ description: 'What is secret and set: `password`, or names of headers.' }),
    version: z.int().min(1).nullable().meta({ description: 'Counts changes; null: it stands in the configuration.' }),
    configured: z.boolean().meta({ description: 'It stands in the configuration: requests can’t change it.' }),
    changedAt: time.nullable(),
    links: z.object({ self: z.string(), check: z.string() }),
  })
  .meta({ id: 'DataSource' });

const list = z.object({ items: z.array(source) }).meta({ id: 'DataSourceList' });
const check = z
  .object({
    name: z.string(),
    kind: z.enum(dataSourceKinds),
    serverVersion: z.string().nullable().meta({ description: 'As the server says it; null: it does not.' }),
    milliseconds: z.int().meta({ description: 'Connecting included.' }),
  })
  .meta({ id: 'DataSourceCheck' });

const self = '/v1/data-sources/crm';
const example: z.infer<typeof source> = {
  name: 'crm',
  description: null,
  settings: { kind: 'postgresql', host: 'db.example.com', port: 5432, database: 'crm', user: 'reports', tls: 'verify-full' },
  secretNames: ['password'],
  version: 3,
  configured: false,
  changedAt: '2026-11-22T13:25:38.095Z',
  links: { self, check: `${self}/check` },
};
const one = (description: string, headers: ('ETag' | 'Location')[] = ['ETag']) =>
  answer(description, source, { headers: [...headers, 'Cache-Control'], examples: { crm: example } });
const params = z.object({ name: dataSourceParameter.meta({ description: 'Name of the data source.', examples: ['crm'] }) });
const common = { tag: 'Data sources' } as const;

export function describeDataSources(registry: OpenAPIRegistry): void {
  describeRoute(registry, {
    ...{ ...common, method: 'get', path: '/v1/data-sources', operationId: 'listDataSources', scope: 'read' },
    summary: 'The data sources of the tenant',
    description: 'By name; at most 100 of its own, and those of the configuration.',
    answers: { 200: answer('The data sources.', list, { headers: ['Cache-Control'], examples: { one: { items: [example] } } }) },
  });
  describeRoute(registry, {
    ...{ ...common, method: 'get', path: '/v1/data-sources/{name}', operationId: 'getDataSource', scope: 'read' },
    summary: 'A data source',
    description: 'What is secret is never shown.',
    request: { params },
    answers: { 200: one('The data source.') },
    problems: ['not_found'],
  });
  const examples = Object.fromEntries(examplesOf(dataSourceRequest).map((value, index) => [`example${String(index + 1)}`, { value }]));
  describeRoute(registry, {
    ...{ ...common, method: 'put', path: '/v1/data-sources/{name}', operationId: 'putDataSource', scope: 'admin' },
    summary: 'Make or change a data source',
    description:
      'Replaces all of it. A password, or headers, that are left out stay as they are, unless host, port, user or TLS change: they were given for that place only. Secrets are stored encrypted. Nothing is connected to; `check` does that.',
    request: {
      params,
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
      body: { required: true, content: { 'application/json': { schema: dataSourceRequest, examples } } },
    },
    answers: { 200: one('It is changed.'), 201: one('It is made.', ['Location', 'ETag']) },
    problems: [
      ...(['malformed_json', 'unsupported_media_type', 'payload_too_large', 'precondition_failed'] as const),
      ...(['encryption_needed', 'data_source_configured', 'limit_exceeded'] as const),
    ],
  });
  describeRoute(registry, {
    ...{ ...common, method: 'delete', path: '/v1/data-sources/{name}', operationId: 'deleteDataSource', scope: 'admin' },
    summary: 'Remove a data source',
    description: 'Its secrets are gone. Jobs that have not read from it yet fail with `data_source_not_found`.',
    request: { params },
    answers: { 204: answer('It is removed.') },
    problems: ['not_found', 'data_source_configured'],
  });
  describeRoute(registry, {
    ...{ ...common, method: 'post', path: '/v1/data-sources/{name}/check', operationId: 'checkDataSource', scope: 'operate' },
    summary: 'Connect to a data source',
    description: 'As a job would, and for at most ten seconds. Nothing is read but the version of the server.',
    request: { params },
    answers: {
      200: answer('It answers.', check, {
        headers: ['Cache-Control'],
        examples: { crm: { name: 'crm', kind: 'postgresql', serverVersion: '15.4', milliseconds: 12 } },
      }),
    },
    problems: ['not_found', 'data_source_unreachable', 'data_source_configuration'],
  });
}
