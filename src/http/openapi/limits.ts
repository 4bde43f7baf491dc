import type { OpenAPIRegistry } from '@asteasolutions/zod-to-openapi';
import { z } from 'zod';

import { countLimits } from '../../jobs/limits.ts';
import { allJobTypes } from '../../jobs/registry.ts';
import { limitsRequest } from '../limits.ts';
import { examplesOf } from './examples.ts';
import { answer } from './responses.ts';
import { describeRoute } from './route.ts';

const line = z.object({
  limit: z.int().nullable().meta({ description: 'What counts: the lower one of the others. null: not limited.' }),
  own: z.int().nullable().meta({ description: 'Set by the tenant.' }),
  ceiling: z.int().nullable().meta({ description: 'Set by the operator of the installation.' }),
});
const counted = line.extend({ used: z.int().nullable().meta({ description: 'null where there is no limit, or nobody can tell now.' }) });
const named = <T>(names: readonly string[], value: T) => Object.fromEntries(names.map((name) => [name, value]));
const types = allJobTypes.map(({ type }) => type);

const limits = z
  .object({ ...named(countLimits, counted), concurrentJobs: z.object(named(types, line)) })
  .meta({ id: 'Limits', description: '`openJobs` are all that have not ended; every recipient of an e-mail counts; a day is one of UTC.' });

const none = { limit: null, own: null, ceiling: null };
const example = {
  ...named(countLimits, { ...none, used: null }),
  requestsPerMinute: { limit: 600, own: 600, ceiling: 120_000, used: 31 },
  concurrentJobs: { ...named(types, none), report: { limit: 2, own: 2, ceiling: null } },
};
const shown = (description: string) => answer(description, limits, { headers: ['Cache-Control'], examples: { example } });

export function describeLimits(registry: OpenAPIRegistry): void {
  describeRoute(registry, {
    method: 'get',
    path: '/v1/limits',
    operationId: 'getLimits',
    scope: 'read',
    tag: 'Limits',
    summary: 'The limits of the tenant, and what is used',
    answers: { 200: shown('The limits.') },
  });
  const examples = Object.fromEntries(examplesOf(limitsRequest).map((value, index) => [`example${String(index + 1)}`, { value }]));
  describeRoute(registry, {
    method: 'put',
    path: '/v1/limits',
    operationId: 'setLimits',
    scope: 'admin',
    tag: 'Limits',
    summary: 'Set the limits of the tenant',
    description: 'At or below the ceilings that the operator has set. Within five seconds they count at every process.',
    request: { body: { required: true, content: { 'application/json': { schema: limitsRequest, examples } } } },
    answers: { 200: shown('The limits now.') },
    problems: ['invalid_request', 'value_out_of_range', 'malformed_json', 'unsupported_media_type', 'payload_too_large'],
  });
}
