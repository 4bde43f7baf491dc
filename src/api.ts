import type { Config } from './config.ts';
import { AppError } from './errors.ts';
import { createApp } from './http/app.ts';
import type { DevCodec } from './http/codec.ts';
import type { CaughtMail } from './http/dev-mail/caught-mail.ts';
import { createMetrics, type Metrics } from './http/metrics.ts';
import type { MailEventDependencies } from './http/mail-events.ts';
import { createPresenter } from './http/presentation.ts';
import { createTokenVerifier } from './identity/verifier.ts';
import { createJobClient, workflowTaskQueue } from './jobs/client.ts';
import type { ConcurrencyLimits } from './jobs/concurrency.ts';
import { createIdentities, type Identities } from './jobs/identities.ts';
import { createMailRates } from './jobs/mail-rates.ts';
import { createTemporalCalls } from './jobs/temporal-calls.ts';
import { createTemplateVersions } from './jobs/template-choice.ts';
import { createMailEventIntake } from './jobs/mail-events.ts';
import { createWatcher } from './jobs/watch.ts';
import { dataSourceConnector } from './data-sources.ts';
import type { Scope } from './lifecycle.ts';
import { createLimits } from './limits/limits.ts';
import { listen } from './listen.ts';
import { errorFacts, type Log } from './log.ts';
import { repeatedly } from './repeatedly.ts';
import { textPart } from './mail/text-part.ts';
import { unsentMail } from './mail/unsent.ts';
import { readReport } from './mail/bounce.ts';
import { createPostmarkEvents } from './mail/events/postmark.ts';
import { createResendEvents } from './mail/events/resend.ts';
import { createSesEvents } from './mail/events/ses.ts';
import { createGuardedFetch } from './outbound/guarded-fetch.ts';
import { writeCsvList } from './reports/csv.ts';
import { furtherLanes, namedProviders } from './mail-providers.ts';
import type { Routing } from './mail/routing.ts';
import { createQueryReader } from './reports/query-reader.ts';
import { readCsv } from './reports/source.ts';
import { scannerOf } from './scanner-readiness.ts';
import type { Stores } from './stores.ts';
import { variableFaults } from './templates/schema.ts';
import { createWorkshop } from './templates/workshop.ts';
import type { TemporalLink } from './temporal/connection.ts';
import { activityQueuesOf } from './worker.ts';

export interface ApiDependencies {
  config: Config;
  stores: Stores;
  link: TemporalLink;
  temporalUiUrl: string | undefined;
  /** Of the workflows; those of the activities begin with it. */
  taskQueue?: string;
  /** On concurrent jobs. Default: as the database says. */
  limits?: ConcurrencyLimits;
  devCodec?: DevCodec;
  /** Of the worker in this process; default: there is none. */
  routing?: Routing;
  caughtMail?: CaughtMail;
  /** Whether there is a page to try uploads on. Default: no. */
  tryUploads?: boolean;
  /** With what the rest of the process shows there. Default: the API alone. */
  metrics?: Metrics;
  log: Log;
}

/** `undefined`: no identity provider is configured. */
function identitiesOf({ identity, outboundAllow }: Pick<Config, 'identity' | 'outboundAllow'>, log: Log): Identities | undefined {
  if (identity === undefined) return undefined;
  const named = [identity.issuer, ...(identity.jwksUrl === undefined ? [] : [identity.jwksUrl])];
  const verifier = createTokenVerifier({
    ...identity,
    fetch: createGuardedFetch({ allow: outboundAllow, origins: named.map((url) => new URL(url).origin) }),
    onFailure: (reason) => {
      log.warn({ reason }, 'the keys of the identity provider cannot be read');
    },
  });
  return createIdentities({ ...identity, verifier });
}

function mailEventsOf(
  { mailEvents: { resendSecret, postmarkAuth, sesTopicArn }, outboundAllow }: Pick<Config, 'mailEvents' | 'outboundAllow'>,
  { deliveryLookup: deliveries, suppressions, tenantKeys }: Stores,
): MailEventDependencies['mailEvents'] {
  const fetch = createGuardedFetch({ allow: outboundAllow });
  return {
    intake: createMailEventIntake({ deliveries, suppressions, tenantKeys }),
    sources: {
      ...(resendSecret !== undefined && { resend: createResendEvents(resendSecret) }),
      ...(postmarkAuth !== undefined && { postmark: createPostmarkEvents(postmarkAuth) }),
      ...(sesTopicArn !== undefined && { ses: createSesEvents({ topicArn: sesTopicArn, fetch }) }),
    },
    readReport,
  };
}

/** Probes, scrapes and pages that are open. */
const everyFewSeconds = new Set(['/livez', '/readyz', '/metrics', '/dev/mail']);

/** Serves HTTP until the scope closes: first no new connections, then the running requests end. */
export async function startApi(
  scope: Scope,
  {
    config,
    stores,
    link,
    temporalUiUrl,
    taskQueue = workflowTaskQueue,
    limits: concurrency,
    devCodec,
    caughtMail,
    tryUploads = false,
    routing,
    metrics = createMetrics(),
    log,
  }: ApiDependencies,
): Promise<{ url: string }> {
  const providers = namedProviders(config);
  const { keylessRequestsPerMinute, maxBacklog, ...ceilings } = config.limits;
  const limits = createLimits({
    ...stores.limits,
    openJobs: (tenant) => jobs.countOpen(tenant),
    backlog: () => jobs.backlog(),
    limitChanged: (tenant, type, limit) => jobs.limitChanged(tenant, type, limit),
    defaults: Object.fromEntries(Object.entries(ceilings).filter(([, value]) => value !== undefined)),
    keylessRequestsPerMinute,
    maxBacklog,
  });
  const jobs = scope.closing(
    createJobClient({
      client: link.client,
      taskQueue,
      activityQueues: activityQueuesOf(taskQueue, furtherLanes(providers)),
      tenantKeys: stores.tenantKeys,
      limits: concurrency ?? limits,
    }),
    (client) => {
      client.close();
    },
  );
  const calls = scope.closing(createTemporalCalls(link.client), (open) => {
    open.close();
  });
  const rates = createMailRates(calls, { providers: providers.map(({ name }) => name), taskQueue });
  const scanner = scannerOf(config);
  const watcher = createWatcher({ get: (tenant, id) => jobs.get(tenant, id) });
  const app = createApp({
    jobs,
    watcher,
    streams: { perKey: config.maxStreamsPerKey },
    files: stores.files,
    limits,
    keys: stores.keys,
    identities: identitiesOf(config, log),
    audit: stores.audit,
    suppressions: stores.suppressions,
    unsubscribeTokens: stores.unsubscribeTokens,
    mailEvents: mailEventsOf(config, stores),
    writeCsv: writeCsvList,
    templates: stores.templates,
    dataSources: stores.dataSources,
    connector: dataSourceConnector(config),
    presets: stores.presets,
    partials: stores.partials,
    uploadExpiryMs: config.uploads.tusExpiryMs,
    uploadUpkeep: (tidy) => {
      repeatedly(scope, tidy, (error) => {
        log.warn(errorFacts(error), 'Some uploads could not be ended: that is tried again');
      });
    },
    onUploadRefused: (refused) => {
      log.info({ ...refused }, 'an upload was refused');
    },
    templateVersions: createTemplateVersions(stores.templates, variableFaults),
    definitions: stores.definitions,
    previewSeconds: config.reports.previewSeconds,
    readQuery: scope.closing(createQueryReader(), (reader) => reader.close()).read,
    templateEngine: scope.closing(createWorkshop(), (workshop) => workshop.close()),
    textOf: (html) => textPart({ html }) ?? '',
    composed: (message) => unsentMail(message, config.mailFrom),
    readCsv,
    deliveries: stores.deliveries,
    maxUploadBytes: config.maxUploadBytes,
    scanning: config.scanning.clamd !== undefined,
    maxMessageBytes: config.maxMessageBytes,
    publicUrl: config.publicUrl,
    metrics,
    mailProviders: {
      list: () =>
        Promise.all(
          providers.map(async ({ name, kind }) => ({ name, kind, circuit: routing?.stateOf(name) ?? null, rates: await rates.read(name) })),
        ),
    },
    tenantKeys: stores.tenantKeys,
    payloads: stores.protection.codecServer,
    namespace: config.temporal.namespace,
    presenter: createPresenter({
      tenantKeys: stores.tenantKeys,
      workflowUrl:
        temporalUiUrl === undefined ? undefined : (id) => `${temporalUiUrl}/namespaces/${config.temporal.namespace}/workflows/${id}`,
    }),
    checks: {
      database: stores.checkDatabase,
      storage: () => stores.files.check(),
      temporal: async () => {
        await jobs.unservedQueues();
      },
      workers: async () => {
        if ((await jobs.unservedQueues()).length > 0) throw new AppError('not_ready', 'A Task Queue has no worker');
      },
    },
    ...(scanner && { facts: scanner.facts }),
    onAnswer: (answer) => {
      log[everyFewSeconds.has(answer.path) ? 'debug' : 'info']({ ...answer }, 'request');
    },
    corsOrigins: config.corsOrigins,
    codecOrigins: config.codecOrigins,
    ...(devCodec && { devCodec }),
    ...(caughtMail && { caughtMail }),
    tryUploads,
    trustProxy: config.trustProxy,
    refuseSecrets: config.refuseSecrets,
    onUnexpected: (error, requestId) => {
      log.error({ requestId, ...errorFacts(error) }, 'unexpected error');
    },
  });
  const listening = await listen(scope, app, config, log);
  // Closed first: streams and waiting requests end, and so the server can.
  scope.closing(watcher, (open) => {
    open.close();
  });
  return listening;
}
