import type { TemporalCalls } from './temporal-calls.ts';

/** Messages of a task on the lane for batches: Temporal counts tasks, people count messages. */
const messagesPerTask = 100;

/** How long a rate is believed, in milliseconds. */
const freshMs = 5_000;

/** `TaskQueueType`, which is in a package of the SDK's own. */
const activityQueue = 2;

/** Messages per second, of all workers together; 0: paused; null: no limit. */
export interface MailRates {
  perSecond: number | null;
  bulkPerSecond: number | null;
}

/** The lanes of one provider. @param lane null: the first one's. */
const queuesOf = (taskQueue: string, lane: string | null) => {
  const end = lane === null ? '' : `-${lane}`;
  return { perSecond: `${taskQueue}-email${end}`, bulkPerSecond: `${taskQueue}-bulk-email${end}` } as const;
};

const perTask = { perSecond: 1, bulkPerSecond: messagesPerTask } as const;
const fields = ['perSecond', 'bulkPerSecond'] as const;

/** Rates are kept by Temporal, so that they hold for all workers together, whenever these start. */
export interface MailRateControl {
  /** @throws AppError `temporal_unavailable`. */
  read(provider: string): Promise<MailRates>;
  /** Holds at once, for what begins from now on. @param by who, for whoever looks at Temporal. @throws AppError `temporal_unavailable`. */
  set(provider: string, rates: Partial<MailRates>, by: string): Promise<void>;
  /** Of batches, at most 5 s old; undefined: no limit. @throws AppError `temporal_unavailable` when it was never known. */
  rateOf(provider: string): Promise<number | undefined>;
}

/** @param providers names, the first choice first. */
export function createMailRates(
  { call }: Pick<TemporalCalls, 'call'>,
  { providers, taskQueue, now = Date.now }: { providers: readonly string[]; taskQueue: string; now?: () => number },
): MailRateControl {
  const lanes = new Map(providers.map((name, index) => [name, queuesOf(taskQueue, index === 0 ? null : name)]));
  const known = new Map<string, { rate: number | undefined; at: number }>();
  const lanesOf = (provider: string) => {
    const queues = lanes.get(provider);
    if (queues === undefined) throw new Error('There is no such mail provider');
    return queues;
  };

  async function rateOn(queue: string): Promise<number | null> {
    const { config } = await call((client) =>
      client.workflowService.describeTaskQueue({
        namespace: client.options.namespace,
        taskQueue: { name: queue },
        // eslint-disable-next-line @typescript-eslint/no-unsafe-enum-assignment -- Temporal's enum is in a package of the SDK's own
        taskQueueType: activityQueue,
        reportConfig: true,
      }),
    );
    const limit = config?.queueRateLimit?.rateLimit;
    return limit == null ? null : (limit.requestsPerSecond ?? 0);
  }

  async function limit(queue: string, requestsPerSecond: number | null, by: string): Promise<void> {
    await call((client) =>
      client.workflowService.updateTaskQueueConfig({
        namespace: client.options.namespace,
        identity: by,
        taskQueue: queue,
        // eslint-disable-next-line @typescript-eslint/no-unsafe-enum-assignment -- Temporal's enum is in a package of the SDK's own
        taskQueueType: activityQueue,
        updateQueueRateLimit: { ...(requestsPerSecond !== null && { rateLimit: { requestsPerSecond } }), reason: `mail rate set by ${by}` },
      }),
    );
  }

  async function one(provider: string, field: keyof MailRates): Promise<number | null> {
    const rate = await rateOn(lanesOf(provider)[field]);
    // As it was given: a 32-bit number comes back with other digits.
    return rate === null ? null : Number((rate * perTask[field]).toPrecision(6));
  }

  return {
    async read(provider) {
      const [perSecond, bulkPerSecond] = await Promise.all([one(provider, 'perSecond'), one(provider, 'bulkPerSecond')]);
      return { perSecond, bulkPerSecond };
    },
    async set(provider, rates, by) {
      const queues = lanesOf(provider);
      for (const field of fields) {
        const rate = rates[field];
        if (rate !== undefined) await limit(queues[field], rate === null ? null : rate / perTask[field], by);
      }
      known.delete(provider);
    },
    async rateOf(provider) {
      const last = known.get(provider);
      if (last !== undefined && now() - last.at < freshMs) return last.rate;
      try {
        const rate = (await one(provider, 'bulkPerSecond')) ?? undefined;
        known.set(provider, { rate, at: now() });
        return rate;
      } catch (error) {
        if (last === undefined) throw error;
        return last.rate;
      }
    },
  };
}
