import { Router } from 'express';
import { z } from 'zod';

import { AppError } from '../errors.ts';
import type { JobClient } from '../jobs/client.ts';
import type { Job } from '../jobs/job.ts';
import { singleLine } from '../jobs/single-line.ts';
import { tenantOf } from './authentication.ts';
import { declaredJsonIfAny, parsedJson } from './json-body.ts';
import type { Presenter } from './presentation.ts';
import type { RefuseSecrets } from './secrets-in-request.ts';
import { route } from './routes.ts';
import { validated } from './validation.ts';

export const nothing = z.strictObject({});
export const discardRequest = z.strictObject({ reason: singleLine.min(1).max(500).optional() });
export const noteRequest = z.strictObject({ text: singleLine.min(1).max(500) });

type Act<Body> = (tenant: string, id: string, body: Body) => Promise<Job | undefined>;

/** `POST /v1/jobs/{id}/…`: answers 202 with the job; the workflow may still be busy obeying. */
export function jobActions({
  jobs,
  presenter,
  refuseSecrets,
}: {
  jobs: JobClient;
  presenter: Presenter;
  refuseSecrets: RefuseSecrets;
}): Router {
  const router = Router();
  const action = <Body>(name: string, body: z.ZodType<Body>, act: Act<Body>): void => {
    route(router, `/jobs/:id/${name}`, {
      post: [
        'operate',
        declaredJsonIfAny,
        parsedJson,
        async (request, response) => {
          const tenant = tenantOf(response);
          const asked = validated(body, request.body ?? {});
          refuseSecrets(asked);
          const job = await act(tenant, String(request.params['id']), asked);
          if (job === undefined) throw new AppError('not_found', 'There is no such job.');
          response
            .status(202)
            .set('Cache-Control', 'no-store')
            .json(await presenter.job(job, tenant));
        },
      ],
    });
  };
  action('cancel', nothing, (tenant, id) => jobs.cancel(tenant, id));
  action('retry', nothing, (tenant, id) => jobs.retry(tenant, id));
  action('discard', discardRequest, (tenant, id, { reason }) => jobs.discard(tenant, id, { ...(reason !== undefined && { reason }) }));
  action('notes', noteRequest, (tenant, id, { text }) => jobs.addNote(tenant, id, { text, at: new Date().toISOString() }));
  return router;
}
