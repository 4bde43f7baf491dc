import { optionalTsToDate } from '@temporalio/common/lib/time.js';

import { defaultPriority } from './options.ts';
import type { TemporalCalls } from './temporal-calls.ts';
import { quoted } from './visibility-query.ts';

/** Workflow tasks and activities of the same name wait in two queues. */
export interface QueueName {
  name: string;
  kind: 'workflow' | 'activity';
}

/** What one describeTaskQueue tells. */
export interface QueueFacts extends QueueName {
  /** A worker has asked for work lately, or is alive with all its hands full. */
  served: boolean;
  /** When a worker asked last; Temporal forgets it after five minutes. */
  lastPolledAt: Date | null;
  /** Priority → tasks that wait, of all jobs. Approximate, and a second or two old. */
  backlog: ReadonlyMap<number, number>;
  /** Tasks per second, of the last half minute. */
  dispatchRate: number;
  /** Tasks per second that an operator or a worker allows; 0: paused; null: no limit but the server's own. */
  rateLimit: number | null;
  /** When an operator set that limit; null: a worker did, or nobody. */
  limitedSince: Date | null;
  /** The limit has held tasks back within the last half minute. */
  limiting: boolean;
}

export interface Queues {
  /** An unknown queue is one that nobody serves. @throws AppError `temporal_unavailable`. */
  describe(queue: QueueName): Promise<QueueFacts>;
  /** Those that no worker polls. @throws AppError `temporal_unavailable`. */
  unserved(queues: readonly QueueName[]): Promise<string[]>;
  /** How many tasks wait in these together, about. @throws AppError `temporal_unavailable`. */
  waiting(queues: readonly QueueName[]): Promise<number>;
}

/** An idle poller asks about once a minute; a dead one stays listed for five. In milliseconds. */
export const pollerFreshMs = 75_000;

/** `TaskQueueType`, which is in a package of the SDK's own. */
const types = { workflow: 1, activity: 2 } as const;
/** `RATE_LIMIT_SOURCE_SYSTEM` */
const systemLimit = 3;

/** `WORKER_STATUS_RUNNING` */
const runningWorker = 1;
/** gRPC: a server older than worker heartbeats. */
const unimplemented = 12;

/** @param now in milliseconds. */
export function createQueues({ call }: Pick<TemporalCalls, 'call'>, now: () => number = Date.now): Queues {
  /** A worker that is busy to its limit does not poll, perhaps for hours; but it tells every half minute that it lives. */
  async function livingWorker(taskQueue: string): Promise<boolean> {
    const { workersInfo } = await call((client) =>
      client.workflowService
        .listWorkers({ namespace: client.options.namespace, query: `TaskQueue = ${quoted(taskQueue)}` })
        .catch((error: unknown) => {
          if ((error as { code?: number }).code === unimplemented) return { workersInfo: [] };
          throw error;
        }),
    );
    return workersInfo.some(({ workerHeartbeat: beat }) => {
      const at = optionalTsToDate(beat?.heartbeatTime)?.getTime() ?? 0;
      return Number(beat?.status) === runningWorker && at > now() - pollerFreshMs;
    });
  }

  async function describe({ name, kind }: QueueName): Promise<QueueFacts> {
    const told = await call((client) =>
      client.workflowService.describeTaskQueue({
        namespace: client.options.namespace,
        taskQueue: { name },
        // eslint-disable-next-line @typescript-eslint/no-unsafe-enum-assignment -- Temporal's enum is in a package of the SDK's own
        taskQueueType: types[kind],
        reportStats: true,
        reportConfig: true,
      }),
    );
    const polls = told.pollers.map((poller) => optionalTsToDate(poller.lastAccessTime)?.getTime() ?? 0);
    const lastPolled = Math.max(0, ...polls);
    const limit = told.effectiveRateLimit;
    const limited = limit != null && (limit.rateLimitSource ?? systemLimit) !== systemLimit;
    return {
      name,
      kind,
      served: lastPolled > now() - pollerFreshMs || (await livingWorker(name)),
      lastPolledAt: lastPolled === 0 ? null : new Date(lastPolled),
      backlog: new Map(
        Object.entries(told.statsByPriorityKey).map(([priority, stats]) => [
          Number(priority) || defaultPriority,
          Number(stats.approximateBacklogCount ?? 0),
        ]),
      ),
      dispatchRate: told.stats?.tasksDispatchRate ?? 0,
      rateLimit: limited ? (limit.requestsPerSecond ?? 0) : null,
      limitedSince: limited ? (optionalTsToDate(told.config?.queueRateLimit?.metadata?.updateTime) ?? null) : null,
      limiting: told.stats?.rateLimitingActive === true,
    };
  }

  return {
    describe,
    async unserved(queues) {
      const facts = await Promise.all(queues.map(describe));
      return facts.filter(({ served }) => !served).map(({ name }) => name);
    },
    async waiting(queues) {
      const counts = await Promise.all(
        queues.map(async ({ name, kind }) => {
          const { stats } = await call((client) =>
            client.workflowService.describeTaskQueue({
              namespace: client.options.namespace,
              taskQueue: { name },
              // eslint-disable-next-line @typescript-eslint/no-unsafe-enum-assignment -- Temporal's enum is in a package of the SDK's own
              taskQueueType: types[kind],
              reportStats: true,
            }),
          );
          return Number(stats?.approximateBacklogCount ?? 0);
        }),
      );
      return counts.reduce((sum, count) => sum + count, 0);
    },
  };
}
