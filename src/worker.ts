import { createDelivering } from '../activities/delivery.ts';
import type { MailLane } from '../activities/mail-lane.ts';
import { type ActivityDependencies, batchActivities, createActivities, emailActivities } from '../activities/index.ts';
import { createArchiveExaminer } from './archives/examiner.ts';
import type { Config } from './config.ts';
import type { MailProviderSettings } from './config-mail.ts';
import { dataSourceConnector, remoteReader } from './data-sources.ts';
import { keepHeapSmall } from './heap.ts';
import { createDocumentReader } from './images/documents.ts';
import { createImageEngine } from './images/engine.ts';
import { createBulkJobs } from './jobs/bulk-jobs.ts';
import { workflowTaskQueue } from './jobs/client.ts';
import type { ConcurrencyLimits } from './jobs/concurrency.ts';
import { alternativeIdFor, fileIdFor } from './jobs/ids.ts';
import { createEndedJobs } from './jobs/ended-jobs.ts';
import { createMailRates } from './jobs/mail-rates.ts';
import { isDirect } from './jobs/report-outputs.ts';
import { createPlaces } from './jobs/places.ts';
import { createReportDeliveries } from './jobs/report-mail.ts';
import { recipientHashOf } from './jobs/recipient.ts';
import { createTemporalCalls } from './jobs/temporal-calls.ts';
import type { Scope } from './lifecycle.ts';
import { createConcurrencyLimits } from './limits/effective-limits.ts';
import type { Log } from './log.ts';
import { createDeliveryWatch, type WatchedDeliveries } from './mail/delivery-watch.ts';
import { createUnsubscribeLinks } from './mail/unsubscribe-links.ts';
import type { Routing } from './mail/routing.ts';
import { furtherLanes, openLanes, routingOf } from './mail-providers.ts';
import { createDrawingRoom } from './reports/drawing-room.ts';
import { createReportEngine } from './reports/engine.ts';
import { createClamd } from './scanning/clamd.ts';
import type { Stores } from './stores.ts';
import { createTemplateRenderer } from './templates/renderer.ts';
import type { TemporalLink } from './temporal/connection.ts';
import { startWorkers, type Workers } from './temporal/workers.ts';

/** Activities that run at once in one process, by kind of load: sending waits, the others work; operations keep to a rate, or are maintenance; limits are short. */
const usual = { email: 50, 'bulk-email': 4, report: 2, upload: 2, operations: 3, limits: 20 } satisfies Record<
  keyof ActivityDependencies,
  number
>;

export type Group = keyof typeof usual;
export const groups = Object.keys(usual) as Group[];
/** Groups with a Task Queue for each further mail provider. */
const laneGroups = ['email', 'bulk-email'] as const satisfies Group[];

/** Where the activities of all groups go. @param lanes of `furtherLanes`. */
export function activityQueuesOf(taskQueue: string, lanes: readonly string[] = []): string[] {
  const further = lanes.flatMap((lane) => laneGroups.map((group) => `${group}-${lane}`));
  return [...groups, ...further].map((name) => `${taskQueue}-${name}`);
}

export interface WorkerDependencies {
  config: Config;
  stores: Stores;
  link: TemporalLink;
  /** In their order; not empty. */
  providers: readonly MailProviderSettings[];
  /** Of these providers, for whoever wants to look at it. */
  routing?: Routing;
  /** Groups of activities to serve. Default: all. `limits` is served wherever workflows are: jobs of every kind may need it. */
  only?: readonly Group[];
  /** Whether to serve the workflows. Default: yes. */
  workflows?: boolean;
  /** Built workflows, a file. Default: those beside this program. */
  workflowBundle?: string | undefined;
  /** Of the workflows; those of the activities begin with it. */
  taskQueue?: string;
  /** Activities that run at once. Default: by kind of load. */
  concurrency?: Partial<Record<Group, number>>;
  /** On concurrent jobs. Default: as the database says. */
  limits?: ConcurrencyLimits;
  /** Default: one that shows its counts nowhere. */
  watch?: WatchedDeliveries;
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
    stores: {
      dataSources,
      files,
      deliveries: ledger,
      templates,
      keptExtracts,
      tenantKeys,
      suppressions,
      unsubscribeTokens,
      limits: stored,
    },
    link,
    providers,
    routing = routingOf(providers),
    only = groups,
    workflows = true,
    workflowBundle,
    taskQueue = workflowTaskQueue,
    concurrency = {},
    limits = createConcurrencyLimits(stored.settings),
    log,
    watch = createDeliveryWatch(log),
  }: WorkerDependencies,
): Promise<void> {
  const [firstLane, ...otherLanes] = openLanes(scope, { config, providers, routing, log });
  if (firstLane === undefined) throw new Error('There is no mail provider');
  keepHeapSmall();
  if (config.publicUrl === undefined)
    log.warn({}, 'HANDOFF_PUBLIC_URL is not set: bulk mail has no link to unsubscribe, which large mail services want');
  const calls = scope.closing(createTemporalCalls(link.client), (open) => {
    open.close();
  });
  const recipientHash = (tenant: string, address: string) => recipientHashOf(tenantKeys, tenant, address);
  const renderer = createTemplateRenderer(templates);
  const unsubscribe = createUnsubscribeLinks({ tokens: unsubscribeTokens, publicUrl: config.publicUrl });
  const mailing = { ledger, files, templates: renderer, suppressions, unsubscribe };
  const delivering = { ...mailing, defaultFrom: config.mailFrom, recipientHash, watch };
  const emailOn = (lane: MailLane) => ({ deliverer: createDelivering({ ...delivering, mail: lane.mail }), ledger, lane, files });
  const rates = createMailRates(calls, { providers: providers.map(({ name }) => name), taskQueue });
  const bulkOn = (lane: MailLane, provider: string) => ({
    ...emailOn(lane),
    connections: config.mail.connections,
    rate: () => rates.rateOf(provider),
  });
  const images = scope.closing(createImageEngine({ dataDir: config.dataDir, ...config.images }), (open) => open.close());
  const { maxRows: pdfMaxRows, fontsDirectory, ...drawing } = config.reports.pdf;
  const room = scope.closing(createDrawingRoom({ ...drawing, ...(fontsDirectory !== undefined && { fontsDirectory }) }), (open) =>
    open.close(),
  );
  const reports = createReportEngine(config.dataDir, config.reports, { room, pdfMaxRows });
  const activities = createActivities({
    email: { ...emailOn(firstLane), deliveries: createReportDeliveries({ files, tenantKeys }) },
    'bulk-email': bulkOn(firstLane, providers[0]?.name ?? ''),
    report: {
      ...{ engine: reports, files, kept: keptExtracts, isDirect, fileIdFor },
      ...{ readRemote: remoteReader(dataSources, dataSourceConnector(config)), previewSeconds: config.reports.previewSeconds },
    },
    upload: {
      ...{
        images,
        documents: createDocumentReader({ dataDir: config.dataDir, ...config.images }),
        tables: reports,
        files,
        fileIdFor,
        alternativeIdFor,
      },
      archives: createArchiveExaminer(config.scanning.archives),
      scanner: config.scanning.clamd && createClamd(config.scanning.clamd),
    },
    operations: {
      jobs: createBulkJobs(calls),
      storage: files.upkeep,
      endedJobs: createEndedJobs(calls),
      sweepLedger: () => ledger.sweep(),
    },
    limits: { places: createPlaces(calls, limits, taskQueue) },
  });
  // In its place from the beginning: what is opened while we wait for Temporal is closed before the workers.
  const running: { workers?: Workers } = {};
  scope.closing(running, ({ workers }) => workers?.shutdown());
  const served = new Set<Group>([...only, ...(workflows ? (['limits'] as const) : [])]);
  const names = furtherLanes(providers);
  const lanesOf = (group: { name: string; concurrency: number }) =>
    otherLanes.map((lane, index) => {
      const provider = names[index] ?? '';
      const name = `${group.name}-${provider}`;
      return {
        ...group,
        name,
        activities: group.name === 'email' ? emailActivities(emailOn(lane)) : batchActivities(bulkOn(lane, provider)),
      };
    });
  const usually = { ...usual, report: config.reports.concurrency };
  const connection = await link.connected;
  const workers = await startWorkers({
    connection,
    namespace: config.temporal.namespace,
    protection: link.protection,
    taskQueue,
    groups: [...served].flatMap((group) => {
      const own = { name: group as string, activities: activities[group] as object, concurrency: concurrency[group] ?? usually[group] };
      return (laneGroups as readonly Group[]).includes(group) ? [own, ...lanesOf(own)] : [own];
    }),
    workflows,
    workflowBundle,
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
