import { Router } from 'express';
import { z } from 'zod';

import { limitNames, leastOf } from '../jobs/limit-names.ts';
import { countLimits, type CountLimit, type LimitName, type Limits, type TenantStanding } from '../jobs/limits.ts';
import { allJobTypes } from '../jobs/registry.ts';
import { auditedWithin } from './auditing.ts';
import { tenantOf } from './authentication.ts';
import { declaredJson, parsedJson } from './json-body.ts';
import { route } from './routes.ts';
import { validated } from './validation.ts';

const valueOf = (name: LimitName) => z.int().min(leastOf(name)).nullable().optional();
const fields = <Name extends string>(names: readonly Name[], value: (name: Name) => ReturnType<typeof valueOf>) =>
  Object.fromEntries(names.map((name) => [name, value(name)])) as Record<Name, ReturnType<typeof valueOf>>;
const jobTypeNames = allJobTypes.map(({ type }) => type);

export const limitsRequest = z
  .strictObject({
    ...fields<CountLimit>(countLimits, valueOf),
    concurrentJobs: z
      .strictObject(fields(jobTypeNames, (type) => valueOf(`concurrentJobs.${type}`)))
      .optional()
      .meta({ description: 'How many jobs of a type work at once. More are not refused: they wait.' }),
  })
  .meta({
    id: 'LimitsRequest',
    description: 'What is null or left out has no limit of the tenant’s own.',
    examples: [{ requestsPerMinute: 600, emailsPerDay: null, concurrentJobs: { report: 2 } }],
  });

/** All that can be set, so that what is left out is removed. */
function changesOf({ concurrentJobs = {}, ...counts }: z.infer<typeof limitsRequest>): Partial<Record<LimitName, number | null>> {
  const asked: Record<string, number | null | undefined> = { ...counts };
  for (const [type, value] of Object.entries(concurrentJobs)) asked[`concurrentJobs.${type}`] = value;
  return Object.fromEntries(limitNames.map((name) => [name, asked[name] ?? null]));
}

function resourceOf({ effective, ceiling, own, used }: TenantStanding) {
  const line = (name: LimitName) => ({ limit: effective[name] ?? null, own: own[name] ?? null, ceiling: ceiling[name] ?? null });
  return {
    ...Object.fromEntries(countLimits.map((name) => [name, { ...line(name), used: used[name] ?? null }])),
    concurrentJobs: Object.fromEntries(jobTypeNames.map((type) => [type, line(`concurrentJobs.${type}`)])),
  };
}

/** The limits of the caller's own tenant. */
export function limits({ limits: all }: { limits: Limits }): Router {
  const router = Router();
  route(router, '/limits', {
    get: [
      'read',
      async (_request, response) => {
        response.set('Cache-Control', 'no-store').json(resourceOf(await all.standingOf(tenantOf(response))));
      },
    ],
    put: auditedWithin('limit.change', 'admin', [declaredJson, parsedJson], async (entry, request, response) => {
      const tenant = tenantOf(response);
      await all.set(tenant, changesOf(validated(limitsRequest, request.body)), entry);
      response.set('Cache-Control', 'no-store').json(resourceOf(await all.standingOf(tenant)));
    }),
  });
  return router;
}
