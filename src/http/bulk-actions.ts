import { type Request, type Response, Router } from 'express';

import { AppError } from '../errors.ts';
import type { BulkAction, BulkActions } from '../jobs/bulk.ts';
import { bulkIdPrefix } from '../jobs/bulk-action.ts';
import type { JobClient } from '../jobs/client.ts';
import { fingerprintOf } from '../jobs/fingerprint.ts';
import { newJobId } from '../jobs/ids.ts';
import type { TenantKeys } from '../jobs/tenant-keys.ts';
import { audited, type Prepared } from './auditing.ts';
import { tenantOf } from './authentication.ts';
import { auditDetailsOf, bulkRequest, orderOf } from './bulk-request.ts';
import { declaredJson, declaredJsonIfAny, parsedJson } from './json-body.ts';
import { nothing } from './job-actions.ts';
import { route } from './routes.ts';
import type { RefuseSecrets } from './secrets-in-request.ts';
import { idempotencyKey } from './submissions.ts';
import { validated } from './validation.ts';

export interface BulkActionsDependencies {
  jobs: Pick<JobClient, 'assertReachable' | 'bulkActions'>;
  tenantKeys: TenantKeys;
  refuseSecrets: RefuseSecrets;
}

function resourceOf({ id, createdAt, finishedAt, counts, reason, sample, ...rest }: BulkAction) {
  const self = `/v1/bulk-actions/${id}`;
  const done = counts.done + counts.skipped + counts.failed;
  return {
    id,
    ...rest,
    reason: reason ?? null,
    counts,
    progress: { done, total: Math.max(done, counts.matched) },
    sample,
    createdAt: createdAt.toISOString(),
    finishedAt: finishedAt?.toISOString() ?? null,
    links: { self, pause: `${self}/pause`, resume: `${self}/resume`, abort: `${self}/abort` },
  };
}

const there = (bulkAction: BulkAction | undefined): BulkAction => {
  if (bulkAction === undefined) throw new AppError('not_found', 'There is no such bulk action.');
  return bulkAction;
};

export function bulkActions({ jobs, tenantKeys, refuseSecrets }: BulkActionsDependencies): Router {
  const router = Router();

  async function start(request: Request, response: Response): Promise<Prepared> {
    const tenant = tenantOf(response);
    const id = newJobId(bulkIdPrefix, tenant, idempotencyKey(request));
    jobs.assertReachable();
    const asked = validated(bulkRequest, request.body);
    refuseSecrets({ reason: asked.reason });
    const order = await orderOf(asked, tenant, tenantKeys);
    return {
      target: id,
      reason: order.reason,
      details: auditDetailsOf(order, asked.filter),
      act: async () => {
        const fingerprint = fingerprintOf(request.body, undefined);
        const { started, bulkAction } = await jobs.bulkActions.start({ ...order, id, asked: asked.filter, fingerprint });
        if (!started) response.set('Idempotency-Replayed', 'true');
        response
          .status(202)
          .set({ Location: `/v1/bulk-actions/${id}`, 'Retry-After': '1' })
          .json(resourceOf(bulkAction));
      },
    };
  }
  route(router, '/bulk-actions', { post: audited('bulk_action.start', 'operate', [declaredJson, parsedJson], start) });

  route(router, '/bulk-actions/:id', {
    get: [
      'read',
      async (request, response) => {
        const found = there(await jobs.bulkActions.get(tenantOf(response), String(request.params['id'])));
        response.set('Cache-Control', 'no-store').json(resourceOf(found));
      },
    ],
  });

  for (const name of ['pause', 'resume', 'abort'] as const satisfies (keyof BulkActions)[])
    route(router, `/bulk-actions/:id/${name}`, {
      post: audited(`bulk_action.${name}`, 'operate', [declaredJsonIfAny, parsedJson], (request, response) => {
        validated(nothing, request.body ?? {});
        return {
          act: async () => {
            const after = there(await jobs.bulkActions[name](tenantOf(response), String(request.params['id'])));
            response.status(202).set('Cache-Control', 'no-store').json(resourceOf(after));
          },
        };
      }),
    });
  return router;
}
