import type { OpenAPIRegistry } from '@asteasolutions/zod-to-openapi';
import { z } from 'zod';

import { auditActions, auditOutcomes } from '../../jobs/audit.ts';
import { auditQuery } from '../audit-log.ts';
import { answer } from './responses.ts';
import { describeRoute } from './route.ts';
import { time } from './schemas.ts';

const entry = z
  .object({
    id: z.string(),
    at: time,
    actor: z
      .string()
      .meta({ description: 'Id of the API key, or `oidc_…` of an access token; `cli:` and a user of the operating system for commands.' }),
    action: z.enum(auditActions),
    outcome: z.enum(auditOutcomes).meta({ description: '`accepted`: it was begun; `refused`: the caller lacks the scope.' }),
    target: z.string().nullable().meta({ description: 'Id of the job, file, API key, …' }),
    reason: z.string().nullable().meta({ description: 'As the actor gave it.' }),
    details: z.record(z.string(), z.unknown()).nullable().meta({ description: 'Small facts, other ones for each action.' }),
    address: z.string().nullable().meta({ description: 'IP address that it was asked from.' }),
    requestId: z.string().nullable().meta({ description: 'As in X-Request-Id and in the log.' }),
  })
  .meta({ id: 'AuditEntry' });

const page = z
  .object({
    items: z.array(entry),
    nextCursor: z.string().nullable().meta({ description: '`cursor` of the next page; null: there is none.' }),
  })
  .meta({ id: 'AuditPage' });

const example: z.infer<typeof entry> = {
  id: 'aud_0123456789abcdef0123456789',
  at: '2026-11-22T13:25:38.095Z',
  actor: 'key_0123456789abcdef0123456789',
  action: 'job.discard',
  outcome: 'accepted',
  target: 'email_favhp5ge2rm62zof2zj3sgeyag',
  reason: 'The order was cancelled.',
  details: null,
  address: '192.0.2.7',
  requestId: '6a4f5c1e-6f1b-4f0e-9f57-0b0a5f0a4a11',
};

export function describeAuditLog(registry: OpenAPIRegistry): void {
  const pages = answer('A page, or with another `Accept` all that fits.', page, {
    headers: ['Link', 'Cache-Control'],
    examples: { one: { items: [example], nextCursor: null } },
  });
  describeRoute(registry, {
    method: 'get',
    path: '/v1/audit-log',
    operationId: 'listAuditEntries',
    scope: 'admin',
    tag: 'Audit log',
    summary: 'What operators and admins have done',
    description:
      'Of the tenant, newest first. `Accept: application/x-ndjson` or `text/csv` gives everything that fits as one stream; a stream that breaks off is not complete.',
    request: { query: auditQuery },
    answers: {
      200: {
        ...pages,
        content: { ...pages.content, 'application/x-ndjson': { schema: entry }, 'text/csv': { schema: z.string() } },
      },
    },
    problems: ['invalid_filter', 'value_out_of_range', 'invalid_cursor'],
  });
}
