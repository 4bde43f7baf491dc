import { Router } from 'express';

import { AppError } from '../errors.ts';
import { tenantOf } from './authentication.ts';
import { presentJob } from './presentation.ts';
import { route } from './routes.ts';
import type { SubmissionDependencies } from './submissions.ts';

export function jobs({ jobs: client, workflowUrl }: Pick<SubmissionDependencies, 'jobs' | 'workflowUrl'>): Router {
  const router = Router();
  route(router, '/jobs/:id', {
    get: [
      async (request, response) => {
        const job = await client.get(tenantOf(response), String(request.params['id']));
        if (job === undefined) throw new AppError('not_found', 'There is no such job.');
        response.set('Cache-Control', 'no-store').json(presentJob(job, workflowUrl));
      },
    ],
  });
  return router;
}
