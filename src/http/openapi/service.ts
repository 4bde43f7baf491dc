import type { OpenAPIRegistry } from '@asteasolutions/zod-to-openapi';
import { z } from 'zod';

import { answer } from './responses.ts';
import { describeRoute } from './route.ts';

const scanner = z
  .object({
    state: z.enum(['ok', 'outdated', 'unreachable']),
    databaseAgeDays: z.int().nullable().meta({ description: 'Of its signatures; null: it does not tell.' }),
  })
  .meta({ id: 'ScannerStanding', description: 'Of the virus scanner, where there is one.' });

const readiness = z.object({
  status: z.literal('ready'),
  checks: z.record(z.string(), z.enum(['ok', 'failed'])),
  scanner: scanner.optional(),
});

export function describeService(registry: OpenAPIRegistry): void {
  describeRoute(registry, {
    method: 'get',
    path: '/livez',
    operationId: 'getLiveness',
    scope: null,
    tag: 'Service',
    summary: 'Whether the process answers',
    answers: { 200: answer('It does.', z.object({ status: z.literal('alive') }), { examples: { alive: { status: 'alive' } } }) },
  });
  const ready = { status: 'ready', checks: { database: 'ok', storage: 'ok', temporal: 'ok', workers: 'ok' } };
  describeRoute(registry, {
    method: 'get',
    path: '/readyz',
    operationId: 'getReadiness',
    scope: null,
    tag: 'Service',
    summary: 'Whether work can be done',
    answers: {
      200: answer('It can.', readiness, { headers: ['Cache-Control'], examples: { ready } }),
    },
    problems: ['not_ready'],
  });
  describeRoute(registry, {
    method: 'get',
    path: '/metrics',
    operationId: 'getMetrics',
    scope: null,
    tag: 'Service',
    summary: 'Metrics for Prometheus',
    answers: { 200: answer('Text format 0.0.4.', z.string(), { headers: ['Cache-Control'], contentType: 'text/plain' }) },
  });
  describeRoute(registry, {
    method: 'get',
    path: '/openapi.json',
    operationId: 'getOpenApiDocument',
    scope: null,
    tag: 'Service',
    summary: 'This description',
    answers: { 200: answer('OpenAPI 3.1.', z.looseObject({ openapi: z.string() })) },
  });
  describeRoute(registry, {
    method: 'get',
    path: '/docs',
    operationId: 'getDocs',
    scope: null,
    tag: 'Service',
    summary: 'This description as a page',
    answers: { 200: answer('A page that works offline.', z.string(), { contentType: 'text/html' }) },
  });
}
