import type { OpenAPIRegistry } from '@asteasolutions/zod-to-openapi';
import { z } from 'zod';

import { jobParameter } from './jobs.ts';
import { answer } from './responses.ts';
import { describeRoute } from './route.ts';

const headers = z.object({
  'Last-Event-ID': z.string().optional().meta({ description: 'The `id` of the last event that you have: no repetition of what you know.' }),
});

const query = z.object({
  access_token: z
    .string()
    .optional()
    .meta({ description: 'A token of this job, where no header can be sent. An API key is not taken here.' }),
});

/** As one goes over the line. */
const stream = `retry: 3000

event: status
id: rNV0zR5zyPQZTx0B
data: {"id":"report_favhp5ge2rm62zof2zj3sgeyag","status":"running"}

event: progress
id: 7yvW1yJ0DhBTbiKD
data: {"done":120,"total":1000,"unit":"rows","stage":"rendering"}

event: done
id: pXw0m8Nf2uO2bG5q
data: {"id":"report_favhp5ge2rm62zof2zj3sgeyag","status":"completed"}

`;

const event = z.object({
  event: z.enum(['status', 'progress', 'done', 'resync']),
  id: z.string().optional(),
  data: z.string().meta({ description: 'JSON.' }),
});

export function describeJobEvents(registry: OpenAPIRegistry): void {
  describeRoute(registry, {
    method: 'get',
    path: '/v1/jobs/{id}/events',
    operationId: 'followJob',
    scope: 'read',
    jobToken: true,
    tag: 'Jobs',
    summary: 'What becomes of a job, as it happens',
    description: `Server-Sent Events. The first event is the job as it is.

- \`status\`: the job. Whenever anything but the progress has changed.
- \`progress\`: the progress of the job, about once a second at most.
- \`done\`: the finished job. The stream ends.
- \`resync\`: you have read too slowly and are dropped. Connect again and you get the job as it is.

A comment comes every 15 seconds. When the stream ends without \`done\`, connect again with \`Last-Event-ID\`.

\`\`\`
${stream}\`\`\``,
    request: { params: jobParameter, query, headers },
    answers: {
      200: answer('The stream. The schema is that of one event.', event, {
        headers: ['Cache-Control'],
        contentType: 'text/event-stream',
        examples: {
          status: { event: 'status', id: 'rNV0zR5zyPQZTx0B', data: '{"id":"report_favhp5ge2rm62zof2zj3sgeyag","status":"running"}' },
        },
      }),
      204: answer('The job has finished, and you have its `done`: nothing more will come.', undefined, { headers: ['Cache-Control'] }),
    },
    problems: ['not_found', 'too_many_streams', 'temporal_unavailable'],
  });
}
