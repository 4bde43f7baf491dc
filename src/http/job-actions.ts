import { Router } from 'express';
import { z } from 'zod';

import { AppError } from '../errors.ts';
import type { AuditAction } from '../jobs/audit.ts';
import type { JobClient } from '../jobs/client.ts';
import type { Job } from '../jobs/job.ts';
import { singleLine } from '../jobs/single-line.ts';
import { audited } from './auditing.ts';
import { tenantOf } from './authentication.ts';
import { declaredJsonIfAny, parsedJson } from './json-body.ts';
import type { Presenter } from './presentation.ts';
import type { RefuseSecrets } from './secrets-in-request.ts';
import { route } from './routes.ts';
import { validated } from './validation.ts';

export const nothing = z.strictObject({});
export const discardRequest = z.strictObject({ reason: singleLine.min(1).max(500).optional() });
export const noteRequest = z.strictObject({ text: singleLine.min(1).max(500) });

interface Action<Body> {
  name: string;
  entry: AuditAction;
  body: z.ZodType<Body>;
  reasonOf?: (body: Body) => string | undefined;
  act: (tenant: string, id: string, body: Body) => Promise<Job | undefined>;
}

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
  const action = <Body>({ name, entry, body, reasonOf, act }: Action<Body>): void => {
    route(router, `/jobs/:id/${name}`, {
      post: audited(entry, 'operate', [declaredJsonIfAny, parsedJson], (request, response) => {
        const asked = validated(body, request.body ?? {});
        refuseSecrets(asked);
        return {
          reason: reasonOf?.(asked),
          act: async () => {
            const tenant = tenantOf(response);
            const job = await act(tenant, String(request.params['id']), asked);
            if (job === undefined) throw new AppError('not_found', 'There is no such job.');
            response
              .status(202)
              .set('Cache-Control', 'no-store')
              .json(await presenter.job(job, tenant));
          },
        };
      }),
    });
  };
  action({ name: 'cancel', entry: 'job.cancel', body: nothing, act: (tenant, id) => jobs.cancel(tenant, id) });
  action({ name: 'retry', entry: 'job.retry', body: nothing, act: (tenant, id) => jobs.retry(tenant, id) });
  action({
    name: 'discard',
    entry: 'job.discard',
    body: discardRequest,
    reasonOf: ({ reason }) => reason,
    act: (tenant, id, { reason }) => jobs.discard(tenant, id, { ...(reason !== undefined && { reason }) }),
  });
  action({
    name: 'notes',
    entry: 'job.note',
    body: noteRequest,
    act: (tenant, id, { text }) => jobs.addNote(tenant, id, { text, at: new Date().toISOString() }),
  });
  return router;
}
