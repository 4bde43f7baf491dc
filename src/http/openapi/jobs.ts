import type { OpenAPIRegistry } from '@asteasolutions/zod-to-openapi';
import { z } from 'zod';

import { allJobTypes } from '../../jobs/registry.ts';
import { exampleJob } from './examples.ts';
import { job } from './job-schemas.ts';
import { answer } from './responses.ts';
import { describeRoute } from './route.ts';
import { idParameter } from './schemas.ts';

/** Of every path below `/v1/jobs/{id}`. */
export const jobParameter = idParameter('Id of the job.', 'email_favhp5ge2rm62zof2zj3sgeyag');

const waitSeconds = z.int().min(0).max(30).optional().meta({ description: 'In seconds. Default: do not wait.' });

const conditions = z.object({
  Prefer: z
    .string()
    .optional()
    .meta({ description: 'RFC 7240. `wait=N`: as the query `wait`.', examples: ['wait=10'] }),
  'If-None-Match': z.string().optional().meta({ description: 'An `ETag` that you have the job of.' }),
});

export function describeJobs(registry: OpenAPIRegistry): void {
  describeRoute(registry, {
    method: 'get',
    path: '/v1/jobs/{id}',
    operationId: 'getJob',
    scope: 'read',
    jobToken: true,
    tag: 'Jobs',
    summary: 'A job',
    description:
      'Exact, unlike a list. With `wait` the answer comes when the job has finished, or when the time is over; with `If-None-Match` as well, when anything has changed.',
    request: { params: jobParameter, query: z.object({ wait: waitSeconds }), headers: conditions },
    answers: {
      200: answer('The job.', job, {
        headers: ['ETag', 'Cache-Control', 'Preference-Applied'],
        examples: Object.fromEntries(allJobTypes.map((type) => [type.type, exampleJob(type, 'completed')])),
      }),
      304: answer('Nothing has changed.', undefined, { headers: ['ETag', 'Cache-Control'] }),
    },
    problems: ['value_out_of_range', 'not_found', 'temporal_unavailable'],
  });
}
