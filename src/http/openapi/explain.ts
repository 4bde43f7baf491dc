import type { OpenAPIRegistry } from '@asteasolutions/zod-to-openapi';
import { z } from 'zod';

import { explanationCodes } from '../../jobs/explanation.ts';
import { jobStatus } from './job-schemas.ts';
import { jobParameter } from './jobs.ts';
import { answer } from './responses.ts';
import { describeRoute } from './route.ts';

const reason = z
  .object({
    code: z.enum(explanationCodes).meta({ description: 'Stable: decide by it, not by texts.' }),
    text: z.string().meta({ description: 'For people.' }),
    facts: z.record(z.string(), z.unknown()).meta({ description: 'Which facts a code has: docs/explain.md.' }),
  })
  .meta({ id: 'Reason' });

const action = z
  .union([
    z.object({ method: z.enum(['GET', 'POST', 'PATCH']), path: z.string() }),
    z.object({ command: z.string().meta({ description: 'For whoever runs the service: a line for a shell.' }) }),
    z.null(),
  ])
  .meta({ description: 'null: nothing needs to be done, or nothing that could be done from here.' });

const explanation = z
  .object({
    status: jobStatus,
    stuck: z.boolean().meta({ description: 'The workflow itself fails again and again: a defect, or incompatible code.' }),
    because: z.array(reason).min(1).meta({ description: 'What weighs most comes first.' }),
    next: z.array(z.object({ text: z.string(), action })),
  })
  .meta({ id: 'Explanation' });

const id = 'email_favhp5ge2rm62zof2zj3sgeyag';

const retrying = {
  status: 'retrying',
  stuck: false,
  because: [
    {
      code: 'waiting_for_retry',
      text: 'The step deliverEmail waits for attempt 4 at 2026-11-22T10:31:00.000Z after: 421 try later.',
      facts: {
        step: 'deliverEmail',
        count: 1,
        attempt: 4,
        maximumAttempts: null,
        lastError: { code: 'mail_refused_for_now', message: '421 try later' },
        nextAttemptAt: '2026-11-22T10:31:00.000Z',
      },
    },
  ],
  next: [
    { text: 'Try now instead of waiting.', action: { method: 'POST', path: `/v1/jobs/${id}/retry` } },
    { text: 'Cancel the job.', action: { method: 'POST', path: `/v1/jobs/${id}/cancel` } },
  ],
};

const waitsSince = '2026-11-22T13:25:38.310Z';

const unserved = {
  status: 'queued',
  stuck: false,
  because: [
    {
      code: 'no_step_worker',
      text: `The step deliverEmail waits since ${waitsSince} in the Task Queue handoff-email, where no worker has asked for work for 75 s, or told that it is alive: none serves it.`,
      facts: { taskQueue: 'handoff-email', step: 'deliverEmail', count: 1, waitingSince: waitsSince, lastPolledAt: null },
    },
  ],
  next: [{ text: 'Start a worker that serves these activities.', action: { command: 'handoff worker --queues email' } }],
};

export function describeExplain(registry: OpenAPIRegistry): void {
  describeRoute(registry, {
    method: 'get',
    path: '/v1/jobs/{id}/explain',
    operationId: 'explainJob',
    scope: 'read',
    jobToken: true,
    tag: 'Jobs',
    summary: 'Why a job is where it is, and what to do',
    description: 'From what Temporal knows at this moment; no worker is asked.',
    request: { params: jobParameter },
    answers: { 200: answer('The reasons.', explanation, { headers: ['Cache-Control'], examples: { retrying, unserved } }) },
    problems: ['not_found', 'temporal_unavailable'],
  });
}
