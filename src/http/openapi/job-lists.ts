import type { OpenAPIRegistry } from '@asteasolutions/zod-to-openapi';
import { z } from 'zod';

import { allJobTypes } from '../../jobs/registry.ts';
import { listedStatuses } from '../../jobs/visibility-query.ts';
import { countQuery, listQuery } from '../job-filters.ts';
import { summaryFields } from './job-schemas.ts';
import { answer } from './responses.ts';
import { describeRoute } from './route.ts';
import type { problem } from './schemas.ts';

const jobSummary = z
  .object({
    ...summaryFields,
    type: z.enum(allJobTypes.map(({ type }) => type)),
    status: z.enum(listedStatuses).meta({ description: '`running` covers `queued`, `retrying` and `cancelling`.' }),
  })
  .meta({ id: 'JobSummary', description: 'A line of a list; the job itself tells more, and exactly.' });

const page = z
  .object({
    items: z.array(jobSummary),
    nextCursor: z.string().nullable().meta({ description: '`cursor` of the next page; null: there is none.' }),
  })
  .meta({ id: 'JobPage' });

const counts = z
  .object({ counts: z.object(Object.fromEntries(listedStatuses.map((status) => [status, z.int().min(0)]))) })
  .meta({ id: 'JobCounts' });

const self = '/v1/jobs/email_favhp5ge2rm62zof2zj3sgeyag';
const actions = { events: `${self}/events`, cancel: `${self}/cancel`, retry: `${self}/retry`, discard: `${self}/discard` };
const error: z.infer<typeof problem> = {
  type: 'urn:handoff:problem:mail_refused_for_now',
  title: 'The mail server refused the message for now',
  status: 503,
  detail: '421 4.7.0 Try again later',
  code: 'mail_refused_for_now',
  retryable: true,
};
const examplePage: z.infer<typeof page> = {
  items: [
    {
      id: 'email_favhp5ge2rm62zof2zj3sgeyag',
      type: 'email',
      status: 'dead_lettered',
      createdAt: '2026-11-22T13:25:38.095Z',
      startAt: null,
      finishedAt: null,
      priority: 3,
      labels: { order: '42' },
      deadLetter: {
        step: 'deliverEmail',
        reasonClass: 'transient',
        attempts: 8,
        redrives: 0,
        since: '2026-11-22T13:42:01.310Z',
        closesAt: '2026-12-22T13:42:01.310Z',
        error,
      },
      links: { self, ...actions, explain: `${self}/explain` },
    },
  ],
  nextCursor: null,
};

const behind = 'It comes from an index that is behind by moments: what a job is doing right now, the job itself tells.';

export function describeJobLists(registry: OpenAPIRegistry): void {
  describeRoute(registry, {
    method: 'get',
    path: '/v1/jobs',
    operationId: 'listJobs',
    scope: 'read',
    tag: 'Jobs',
    summary: 'Jobs, page by page',
    description: `Open jobs first, the latest start first; then finished ones, the latest end first. ${behind} While you page, a job that ends may come twice, and the last page may be empty.`,
    request: { query: listQuery },
    answers: { 200: answer('A page.', page, { headers: ['Link', 'Cache-Control'], examples: { deadLetters: examplePage } }) },
    problems: ['invalid_filter', 'value_out_of_range', 'invalid_cursor', 'temporal_unavailable'],
  });
  const example = { scheduled: 3, running: 12, dead_lettered: 1, completed: 4711, failed: 2, cancelled: 0, expired: 0 };
  describeRoute(registry, {
    method: 'get',
    path: '/v1/jobs/counts',
    operationId: 'countJobs',
    scope: 'read',
    tag: 'Jobs',
    summary: 'How many jobs have which status',
    description: behind,
    request: { query: countQuery },
    answers: {
      200: answer('A number for each status.', counts, { headers: ['Cache-Control'], examples: { counts: { counts: example } } }),
    },
    problems: ['invalid_filter', 'value_out_of_range', 'temporal_unavailable'],
  });
}
