import { Router } from 'express';

import { AppError } from '../errors.ts';
import type { JobClient } from '../jobs/client.ts';
import type { Action, Reason } from '../jobs/explanation.ts';
import type { JobStatus } from '../jobs/job.ts';
import { tenantOf } from './authentication.ts';
import { route } from './routes.ts';

/** What to send, or, for whoever runs the service, what to run in a shell. */
export type ActionResource = { method: 'GET' | 'POST' | 'PATCH'; path: string } | { command: string };

/** The answer of docs/explain.md. */
export interface ExplanationResource {
  status: JobStatus;
  stuck: boolean;
  because: Reason[];
  next: { text: string; action: ActionResource | null }[];
}

const requests: Record<Exclude<Extract<Action, string>, 'resume batch'>, [method: 'GET' | 'POST' | 'PATCH', below: string]> = {
  read: ['GET', ''],
  watch: ['GET', '/events'],
  edit: ['PATCH', ''],
  retry: ['POST', '/retry'],
  discard: ['POST', '/discard'],
  cancel: ['POST', '/cancel'],
};

function actionResource(action: Action | null, id: string): ActionResource | null {
  if (action === null || typeof action === 'object') return action;
  if (action === 'resume batch') return { method: 'POST', path: `/v1/email-batches/${id}/resume` };
  const [method, below] = requests[action];
  return { method, path: `/v1/jobs/${id}${below}` };
}

export function explaining({ jobs }: { jobs: Pick<JobClient, 'explain'> }): Router {
  const router = Router();
  route(router, '/jobs/:id/explain', {
    get: [
      'read or job token',
      async (request, response) => {
        const id = String(request.params['id']);
        const explanation = await jobs.explain(tenantOf(response), id);
        if (explanation === undefined) throw new AppError('not_found', 'There is no such job.');
        const next = explanation.next.map(({ text, action }) => ({ text, action: actionResource(action, id) }));
        response.set('Cache-Control', 'no-store').json({ ...explanation, next } satisfies ExplanationResource);
      },
    ],
  });
  return router;
}
