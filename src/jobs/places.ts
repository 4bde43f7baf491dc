import { isNotFound } from './bulk.ts';
import type {
  Acquire,
  ConcurrencyLimits,
  LimitArgs,
  NewLimit,
  PlaceAnswer,
  PlaceCheck,
  PlaceCheckResult,
  PlaceRequest,
  Standing,
} from './concurrency.ts';
import { createEndedJobs } from './ended-jobs.ts';
import { limitIdFor } from './ids.ts';
import { defaultPriority } from './options.ts';
import type { TemporalCalls } from './temporal-calls.ts';

/** Hand-over goes before everything else of the tenant: until then places are idle. */
const priorityKey = 1;
/** For a question that only a worker can answer, in milliseconds; well below the deadline of every call. */
const standingPatienceMs = 1_500;

type Calls = Pick<TemporalCalls, 'call'>;

/** What jobs under a limit need of Temporal in a worker: the port `Places` of the activities. @param taskQueue of the workflows. */
export function createPlaces({ call }: Calls, limits: ConcurrencyLimits, taskQueue: string) {
  const endedJobs = createEndedJobs({ call });

  return {
    async ask({ tenant, limitedBy, priority = defaultPriority, jobId }: PlaceRequest & { jobId: string }): Promise<PlaceAnswer> {
      const type = jobId.slice(0, jobId.indexOf('_'));
      const limit = await limits.concurrentJobs(tenant, type);
      if (limit === undefined) return { limit: null };
      const args: LimitArgs = { tenant, type, limit };
      const acquire: Acquire = { job: jobId, priority, limit };
      await call((client) =>
        client.workflow.signalWithStart('concurrencyLimit', {
          workflowId: limitedBy,
          taskQueue,
          args: [args],
          signal: 'acquireSignal',
          signalArgs: [acquire],
          typedSearchAttributes: [{ key: { name: 'HandoffTenant', type: 'KEYWORD' }, value: tenant }],
          priority: { priorityKey, fairnessKey: tenant },
          staticSummary: `limit on concurrent jobs of type ${type}`,
        }),
      );
      return { limit };
    },

    async check({ tenant, type, jobs }: PlaceCheck): Promise<PlaceCheckResult> {
      const limit = (await limits.concurrentJobs(tenant, type)) ?? null;
      return { limit, gone: await endedJobs(jobs) };
    },
  };
}

/** What the API does with limits on concurrent jobs. All throw AppError `temporal_unavailable`. */
export interface PlaceLines {
  /** Says that a limit is another one now, so that waiting jobs go on at once. undefined: there is none any more. */
  limitChanged(tenant: string, type: string, limit: number | undefined): Promise<void>;
  /** Where a waiting job stands; `undefined` when no worker answers. */
  standing(tenant: string, type: string, id: string): Promise<Standing | undefined>;
}

export function createPlaceLines({ call }: Calls): PlaceLines {
  return {
    async limitChanged(tenant, type, limit) {
      const changed: NewLimit = { limit: limit ?? null };
      try {
        await call((client) => client.workflow.getHandle(limitIdFor(tenant, type)).signal('limitSignal', changed));
      } catch (error) {
        // Nobody is at work under it, and nobody waits.
        if (!isNotFound(error)) throw error;
      }
    },

    standing: (tenant, type, id) =>
      call((client) =>
        client.withDeadline(Date.now() + standingPatienceMs, () =>
          // Without a worker that is no outage.
          client.workflow
            .getHandle(limitIdFor(tenant, type))
            .query<Standing, [string]>('standingQuery', id)
            .catch(() => undefined),
        ),
      ),
  };
}
