import { Router } from 'express';
import { z } from 'zod';

import { AppError } from '../errors.ts';
import type { JobClient } from '../jobs/client.ts';
import type { TenantKeys } from '../jobs/tenant-keys.ts';
import { audited } from './auditing.ts';
import { callerOf } from './authentication.ts';
import { jobToken } from './job-token.ts';
import { declaredJsonIfAny, parsedJson } from './json-body.ts';
import { route } from './routes.ts';
import { validated } from './validation.ts';

export const tokenRequest = z.strictObject({ ttlSeconds: z.int().min(1).max(3_600).default(600) });

/** Tokens with which a browser may follow one job. */
export function jobTokens({ jobs, tenantKeys }: { jobs: Pick<JobClient, 'get'>; tenantKeys: TenantKeys }): Router {
  const router = Router();
  route(router, '/jobs/:id/tokens', {
    post: audited('job_token.create', 'read', [declaredJsonIfAny, parsedJson], (request, response) => {
      const { ttlSeconds } = validated(tokenRequest, request.body ?? {});
      return {
        details: { ttlSeconds },
        act: async () => {
          const caller = callerOf(response);
          const job = await jobs.get(caller.tenant, String(request.params['id']));
          if (job === undefined) throw new AppError('not_found', 'There is no such job.');
          // Never longer than what it was asked for with.
          const expires = Math.floor(Math.min(Date.now() + ttlSeconds * 1_000, caller.expiresAt ?? Infinity) / 1_000);
          const token = await jobToken(tenantKeys, caller, job.id, expires);
          response
            .status(201)
            .set('Cache-Control', 'no-store')
            .json({ token, expiresAt: new Date(expires * 1_000).toISOString() });
        },
      };
    }),
  });
  return router;
}
