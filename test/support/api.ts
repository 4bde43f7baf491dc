import { afterEach, beforeEach } from '@jest/globals';
import type { Express } from 'express';
import type { Server } from 'node:http';
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import request from 'supertest';

import { type Answered, type AppDependencies, createApp } from '../../src/http/app.ts';
import { open, seal } from '../../src/encryption/aes-gcm.ts';
import { createHttpServer } from '../../src/http/http-server.ts';
import { createMetrics } from '../../src/http/metrics.ts';
import { createPresenter } from '../../src/http/presentation.ts';
import type { KnownDelivery } from '../../src/jobs/batch-outcomes.ts';
import { createMailEventIntake, type MailEventSources, type SentDelivery } from '../../src/jobs/mail-events.ts';
import type { PayloadReader } from '../../src/jobs/payloads.ts';
import type { MailProviderStanding } from '../../src/jobs/mail-providers.ts';
import type { TenantKeys } from '../../src/jobs/tenant-keys.ts';
import { createTemplateVersions } from '../../src/jobs/template-choice.ts';
import { createUnsubscribeTokens } from '../../src/jobs/unsubscribe-token.ts';
import { createWatcher, type Watcher } from '../../src/jobs/watch.ts';
import { readReport } from '../../src/mail/bounce.ts';
import { writeCsvList } from '../../src/reports/csv.ts';
import { readCsv } from '../../src/reports/source.ts';
import { testAuditLog, type TestAuditLog } from './audit.ts';
import { parametersOf, testDefinitions } from './definitions.ts';
import { createLimits } from '../../src/limits/limits.ts';
import { testFileStore, type TestFileStore } from './file-store.ts';
import { testJobClient, type TestJobs } from './job-client.ts';
import { testDataSources, type TestDataSources } from './data-sources.ts';
import type { TestApiOptions } from './api-options.ts';
import { keys, testKeys, type TestKeys } from './keys.ts';
import { testPresets } from './upload-presets.ts';
import { testPartials, type TestPartials } from './partial-uploads.ts';
import { plainEngine, testTemplates } from './templates.ts';
import { testLimits, type TestLimits } from './limits.ts';
import { testSuppressions, type TestSuppressions } from './suppressions.ts';

export { aJob, bulkActionOf, jobOf } from './jobs.ts';
export { keys } from './keys.ts';

export const tenantKeys: TenantKeys = {
  mac: (tenant, purpose, value) => Promise.resolve(createHmac('sha256', `secret of ${tenant}`).update(`${purpose}: ${value}`).digest()),
};

/** Of the same keys. */
export const unsubscribeTokens = createUnsubscribeTokens(tenantKeys, { open, seal });

export interface TestApi extends TestJobs {
  readonly store: TestFileStore;
  readonly uploads: TestPartials;
  /** What is done every minute, and what was refused without anybody waiting. */
  tidyUploads: () => Promise<void>;
  readonly refusedUploads: { id: string; code: string }[];
  readonly unexpected: unknown[];
  /** API keys, as new for each test. */
  readonly keys: TestKeys;
  /** Keys that were looked up. */
  readonly lookups: readonly string[];
  readonly answers: Answered[];
  /** What was audited, as new for each test. */
  readonly audit: TestAuditLog;
  /** E-mail templates, as new for each test. */
  readonly templates: ReturnType<typeof testTemplates>;
  /** Upload presets, as new for each test. */
  readonly presets: ReturnType<typeof testPresets>;
  /** Report definitions, as new for each test. */
  readonly definitions: ReturnType<typeof testDefinitions>;
  /** As new for each test. */
  readonly sources: TestDataSources;
  /** As new for each test. */
  readonly suppressions: TestSuppressions;
  /** Messages that were sent, by their names, and who sends events. */
  sentMail: Record<string, SentDelivery[]>;
  mailEventSources: MailEventSources;
  /** What counts for every tenant, as new for each test. */
  readonly limits: TestLimits;
  mailProviders: MailProviderStanding[];
  /** What the ledger knows. */
  deliveries: KnownDelivery[];
  payloads: Partial<PayloadReader>;
  checks: AppDependencies['checks'];
  /** Without a key. */
  anonymous(): ReturnType<typeof request>;
  /** With the key of the tenant `acme`, unless told otherwise. */
  agent(key?: string): ReturnType<typeof request.agent>;
  readonly port: number;
  readonly server: Server;
  /** Asks the fake job client; it looks again after a few milliseconds already. */
  readonly watcher: Watcher;
  /** Its router knows all routes. */
  readonly app: Express;
}

/** The real application with a fake job client and the real disk store, on a port of its own for each test. */
export function testApi({
  maxUploadBytes = 100_000,
  maxMessageBytes = 1_000_000,
  uploadExpiryMs = 86_400_000,
  scanning = false,
  streams = { perKey: 100 },
  edges = {},
  server: serverOptions = {},
  identities,
  limits = () => ({}),
  templateEngine = plainEngine,
  readQuery = parametersOf,
  variableFaults = () => [],
  blobs,
}: TestApiOptions = {}): TestApi {
  const audit = testAuditLog();
  const store = testFileStore(audit, { ...(blobs && { blobs }) });
  const uploads = testPartials();
  let server: Server;
  let app: Express;
  let watcher: Watcher;
  let apiKeys = testKeys(audit);
  let given = testLimits();
  let templates = testTemplates(audit);
  const sources = testDataSources(audit);
  let definitions = testDefinitions(audit);
  let suppressions = testSuppressions(audit);
  let presets = testPresets(audit);
  const api: TestApi = {
    store,
    uploads,
    tidyUploads: () => Promise.resolve(),
    refusedUploads: [],
    started: [],
    unexpected: [],
    answers: [],
    audit,
    jobs: {},
    sources,
    mailProviders: [],
    bulkActions: {},
    batches: {},
    preview: undefined,
    deliveries: [],
    sentMail: {},
    mailEventSources: {},
    payloads: {},
    checks: {},
    anonymous: () => request(server),
    agent: (key = keys.acme) => request.agent(server).auth(key, { type: 'bearer' }),
    get keys() {
      return apiKeys;
    },
    get templates() {
      return templates;
    },
    get presets() {
      return presets;
    },
    get definitions() {
      return definitions;
    },
    get limits() {
      return given;
    },
    get suppressions() {
      return suppressions;
    },
    get lookups() {
      return apiKeys.lookups;
    },
    get port() {
      return (server.address() as AddressInfo).port;
    },
    get server() {
      return server;
    },
    get watcher() {
      return watcher;
    },
    get app() {
      return app;
    },
  };
  const jobs = testJobClient(api);
  beforeEach(async () => {
    for (const list of [api.started, api.unexpected, api.answers, api.refusedUploads, audit.entries]) list.length = 0;
    api.jobs = {};
    api.bulkActions = {};
    api.batches = {};
    api.preview = undefined;
    api.deliveries = [];
    api.payloads = {};
    api.checks = {};
    apiKeys = testKeys(audit);
    templates = testTemplates(audit);
    sources.reset();
    definitions = testDefinitions(audit);
    api.sentMail = {};
    api.mailEventSources = {};
    suppressions = testSuppressions(audit);
    presets = testPresets(audit);
    audit.away = false;
    const stored = () => [...store.records.values()].reduce((sum, { size }) => sum + size, 0);
    given = testLimits(
      {
        storedBytes: () => Promise.resolve(stored()),
        openJobs: (tenant) => jobs.countOpen(tenant),
        backlog: () => jobs.backlog(),
        ...limits(),
      },
      audit,
    );
    watcher = createWatcher({ get: (tenant, id) => jobs.get(tenant, id), pace: { shortest: 2, longest: 20, resting: 20 } });
    app = createApp({
      jobs,
      ...edges,
      watcher,
      streams,
      files: store.files,
      partials: uploads.partials,
      uploadExpiryMs,
      uploadUpkeep: (tidy) => (api.tidyUploads = tidy),
      onUploadRefused: (refused) => api.refusedUploads.push(refused),
      limits: createLimits(given),
      keys: apiKeys,
      audit,
      suppressions,
      unsubscribeTokens,
      mailEvents: {
        intake: createMailEventIntake({
          deliveries: { find: (names) => Promise.resolve(names.flatMap((name) => api.sentMail[name] ?? [])) },
          ...{ suppressions, tenantKeys },
        }),
        get sources() {
          return api.mailEventSources;
        },
        readReport,
      },
      writeCsv: writeCsvList,
      readCsv,
      deliveries: {
        page: (_jobId, { state, from = 0, limit }) =>
          Promise.resolve(api.deliveries.filter((one) => one.seq >= from && (state === undefined || one.state === state)).slice(0, limit)),
      },
      ...sources.dependencies,
      templates,
      presets,
      templateVersions: createTemplateVersions(templates, variableFaults),
      templateEngine,
      definitions,
      readQuery,
      previewSeconds: 20,
      textOf: (html) => `text of ${html}`,
      // eslint-disable-next-line @typescript-eslint/require-await -- a stream
      composed: async function* (message) {
        yield Buffer.from(JSON.stringify(message));
      },
      identities: identities?.(),
      maxUploadBytes,
      maxMessageBytes,
      scanning,
      tenantKeys,
      payloads: { decode: (payloads, of) => api.payloads.decode?.(payloads, of) ?? Promise.resolve([...payloads]) },
      namespace: 'default',
      metrics: createMetrics(),
      mailProviders: { list: () => Promise.resolve(api.mailProviders) },
      presenter: createPresenter({
        tenantKeys,
        workflowUrl: (jobId) => `http://127.0.0.1:8233/namespaces/default/workflows/${jobId}`,
      }),
      checks: { probe: () => api.checks['probe']?.() ?? Promise.resolve() },
      onAnswer: (answer) => api.answers.push(answer),
      onUnexpected: (error) => api.unexpected.push(error),
    });
    server = createHttpServer(app, serverOptions).listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  afterEach(async () => {
    watcher.close();
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  });
  return api;
}
