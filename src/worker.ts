import { type ActivityDependencies, createActivities } from '../activities/index.ts';
import type { Config } from './config.ts';
import { createImageEngine } from './images/sharp.ts';
import { createBulkJobs } from './jobs/bulk-jobs.ts';
import { workflowTaskQueue } from './jobs/client.ts';
import type { ConcurrencyLimits } from './jobs/concurrency.ts';
import { fileIdFor } from './jobs/ids.ts';
import { createPlaces } from './jobs/places.ts';
import { createTemporalCalls } from './jobs/temporal-calls.ts';
import type { Scope } from './lifecycle.ts';
import { createConcurrencyLimits } from './limits/effective-limits.ts';
import type { Log } from './log.ts';
import { createSmtpSender } from './mail/smtp.ts';
import { renderTable } from './reports/render.ts';
import { readCsv, readNdjson } from './reports/source.ts';
import type { Stores } from './stores.ts';
import type { TemporalLink } from './temporal/connection.ts';
import { startWorkers, type Workers } from './temporal/workers.ts';

/** Activities that run at once in one process, by kind of load: sending waits, the others work; operations keep to a rate; limits are short. */
const usual = { email: 50, report: 2, upload: 2, operations: 2, limits: 20 } as const satisfies Record<keyof ActivityDependencies, number>;

export type Group = keyof typeof usual;
export const groups = Object.keys(usual) as Group[];
/** Where the activities of all groups go. */
export const activityQueuesOf = (taskQueue: string): string[] => groups.map((group) => `${taskQueue}-${group}`);

export interface WorkerDependencies {
  config: Config;
  stores: Stores;
  link: TemporalLink;
  smtpUrl: string;
  /** Groups of activities to serve. Default: all. `limits` is served wherever workflows are: jobs of every kind may need it. */
  only?: readonly Group[];
  /** Whether to serve the workflows. Default: yes. */
  workflows?: boolean;
  /** Of the workflows; those of the activities begin with it. */
  taskQueue?: string;
  /** Activities that run at once. Default: by kind of load. */
  concurrency?: Partial<Record<Group, number>>;
  /** On concurrent jobs. Default: as the database says. */
  limits?: ConcurrencyLimits;
  log: Log;
}

/**
 * Works until the scope closes: then takes no more, and lets what runs end within the grace time. Resolves once it works,
 * which may be long after Temporal was first asked for; the scope may close before.
 */
export async function startWorker(
  scope: Scope,
  {
    config,
    stores: { files, limits: stored },
    link,
    smtpUrl,
    only = groups,
    workflows = true,
    taskQueue = workflowTaskQueue,
    concurrency = {},
    limits = createConcurrencyLimits(stored.settings),
    log,
  }: WorkerDependencies,
): Promise<void> {
  const mail = scope.closing(createSmtpSender({ url: smtpUrl }), (sender) => sender.close());
  const calls = scope.closing(createTemporalCalls(link.client), (open) => {
    open.close();
  });
  const activities = createActivities({
    email: { mail, files, defaultFrom: config.mailFrom },
    report: { engine: { render: renderTable, readCsv, readNdjson }, files, fileIdFor },
    upload: { images: createImageEngine({ maxPixels: config.maxImagePixels }), files, fileIdFor },
    operations: { jobs: createBulkJobs(calls) },
    limits: { places: createPlaces(calls, limits, taskQueue) },
  });
  // In its place from the beginning: what is opened while we wait for Temporal is closed before the workers.
  const running: { workers?: Workers } = {};
  scope.closing(running, ({ workers }) => workers?.shutdown());
  const served = new Set<Group>([...only, ...(workflows ? (['limits'] as const) : [])]);
  const connection = await link.connected;
  const workers = await startWorkers({
    connection,
    namespace: config.temporal.namespace,
    protection: link.protection,
    taskQueue,
    groups: [...served].map((name) => ({ name, activities: activities[name], concurrency: concurrency[name] ?? usual[name] })),
    workflows,
    graceSeconds: config.shutdownGraceSeconds,
    log: (facts, message) => {
      log.error(facts, message);
    },
  });
  running.workers = workers;
  link.use((renewed) => {
    workers.useConnection(renewed);
  });
}
