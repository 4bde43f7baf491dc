import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { startApi } from '../../src/api.ts';
import { loadConfig } from '../../src/config.ts';
import { newApiKey } from '../../src/database/api-keys.ts';
import { createJobClient, type JobClient } from '../../src/jobs/client.ts';
import { type ConcurrencyLimits, noLimits } from '../../src/jobs/concurrency.ts';
import type { ReceivedPart } from '../../src/jobs/definition.ts';
import { fingerprintOf } from '../../src/jobs/fingerprint.ts';
import { newJobId } from '../../src/jobs/ids.ts';
import type { Job } from '../../src/jobs/job.ts';
import type { JobOptions } from '../../src/jobs/options.ts';
import { jobTypeOf } from '../../src/jobs/registry.ts';
import { createTemplateVersions } from '../../src/jobs/template-choice.ts';
import { startOptionsOf } from '../../src/jobs/start-options.ts';
import type { Scope } from '../../src/lifecycle.ts';
import { readCsv } from '../../src/reports/source.ts';
import { openLink } from '../../src/temporal-link.ts';
import { openStores, type Stores } from '../../src/stores.ts';
import { linkTemporal, type TemporalLink } from '../../src/temporal/connection.ts';
import { variableFaults } from '../../src/templates/schema.ts';
import { type Group, groups, startWorker } from '../../src/worker.ts';
import { chunks } from './file-store.ts';
import { freePort } from './free-port.ts';
import { pgliteDirectory } from './pglite.ts';

export interface SubmitOptions {
  tenant?: string;
  key?: string;
  /** As HTTP takes them. */
  options?: JobOptions;
  file?: { bytes: string | Uint8Array; name: string; type?: string };
  /** What is added to the input of the workflow. */
  more?: object;
}

export interface TestSystem {
  jobs: JobClient;
  stores: Stores;
  link: TemporalLink;
  /** Where files and their temporary parts lie. */
  dataDir: string;
  /** More workers from now on, for a system that has none yet or too few. */
  startWorker(options?: FurtherWorkerOptions): Promise<{ close(): Promise<void> }>;
  /** Another API process, as far as one process can tell: HTTP on a port of its own, with a connection and a job client of its own. */
  startApi(): Promise<TestApiProcess>;
  /** As HTTP does it. */
  submit(type: 'email' | 'report' | 'upload' | 'batch', request: unknown, options?: SubmitOptions): Promise<{ started: boolean; job: Job }>;
  close(): Promise<void>;
}

export interface TestApiProcess {
  url: string;
  port: number;
  /** Its own. */
  link: TemporalLink;
  /** A valid API key of the tenant. */
  keyOf(tenant: string): Promise<string>;
  close(): Promise<void>;
}

const log = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

export interface WorkerOptions {
  /** Groups that a worker serves. Default: all; none: no worker at all. */
  only?: readonly Group[];
  /** Whether it serves the workflows, too. Default: yes. One process may have only one worker for each Task Queue. */
  workflows?: boolean;
  /** Activities that run at once. Default: as in the product. */
  concurrency?: Partial<Record<Group, number>>;
}

export interface FurtherWorkerOptions extends WorkerOptions {
  /** As another process has it: then there may be two for the same Task Queue. */
  ownConnection?: boolean;
}

export interface SystemOptions extends WorkerOptions {
  /** Another way to Temporal than the straight one, as the environment says it. */
  temporal?: { env: NodeJS.ProcessEnv & { TEMPORAL_ADDRESS: string }; checkMs: number };
  taskQueue: string;
  /** One mail server; or `providers`, as HANDOFF_MAIL_PROVIDERS has them. */
  smtpUrl?: string;
  providers?: string;
  /** On concurrent jobs. Default: none. */
  limits?: ConcurrencyLimits;
  /** Further settings, as the environment says them. */
  env?: Readonly<Record<string, string>>;
  /** Where bytes lie, as the environment says it. Default: on the disk. */
  storage?: Record<string, string>;
  /** What workers get in place of the file store, to make it fail. */
  wrapFiles?: (files: Stores['files']) => Stores['files'];
}

function collecting(): { scope: Scope; close: () => Promise<void> } {
  const closers: (() => Promise<void> | void)[] = [];
  return {
    scope: {
      closing(thing, close) {
        closers.push(() => close(thing));
        return thing;
      },
    },
    close: async () => {
      for (const closeOne of closers.splice(0).reverse()) await closeOne();
    },
  };
}

/** Workers, job client, embedded database and disk store on the run's Temporal server, with Task Queues of their own. */
export async function startSystem({
  taskQueue,
  smtpUrl = 'smtp://127.0.0.1:1',
  providers,
  only = groups,
  workflows = true,
  concurrency = {},
  limits,
  env = {},
  wrapFiles = (files) => files,
  storage = {},
  temporal = { env: { TEMPORAL_ADDRESS: process.env['TEMPORAL_ADDRESS'] ?? '' }, checkMs: 10_000 },
}: SystemOptions): Promise<TestSystem> {
  const { scope, close } = collecting();
  const temporary = (directory: string): string => scope.closing(directory, () => rm(directory, { recursive: true, force: true }));
  try {
    const dataDir = temporary(await mkdtemp(join(tmpdir(), 'handoff-system-')));
    const config = loadConfig({
      ...temporal.env,
      ...env,
      ...storage,
      HANDOFF_DATA_DIR: dataDir,
      HANDOFF_SHUTDOWN_GRACE_SECONDS: '5',
      HANDOFF_MAIL_FROM: 'shop@example.org',
      SMTP_URL: smtpUrl,
      HANDOFF_MAIL_PROVIDERS: providers,
      HANDOFF_OUTBOUND_ALLOW: '127.0.0.1',
      HANDOFF_ENCRYPTION_KEYS: randomBytes(32).toString('base64'),
    });
    const stores = await openStores(scope, config, { directory: temporary(await pgliteDirectory()) });
    const protection = stores.protection.plugin;
    const connection = { address: process.env['TEMPORAL_ADDRESS'] ?? '' };
    const way = { address: temporal.env.TEMPORAL_ADDRESS, protection, report: () => undefined, ...temporal };
    const link = await openLink(scope, config, log, way);
    const worker = {
      config,
      stores: { ...stores, files: wrapFiles(stores.files) },
      link,
      providers: config.mail.providers ?? [],
      taskQueue,
      ...(limits && { limits }),
      log,
      workflowBundle: process.env['HANDOFF_TEST_WORKFLOWS'],
    };
    await link.connected;
    if (only.length > 0) await startWorker(scope, { ...worker, only, workflows, concurrency });
    const activityQueues = groups.map((group) => `${taskQueue}-${group}`);
    const jobs = scope.closing(
      createJobClient({ client: link.client, activityQueues, tenantKeys: stores.tenantKeys, limits: limits ?? noLimits, taskQueue }),
      (client) => {
        client.close();
      },
    );

    const connected = async (owner: Scope): Promise<TemporalLink> => {
      const another = owner.closing(linkTemporal({ connection, namespace: 'default', protection, log: () => undefined }), (open) =>
        open.close(),
      );
      await another.connected;
      return another;
    };

    return {
      jobs,
      stores,
      link,
      dataDir,
      close,
      async startWorker({ ownConnection = false, ...options } = {}) {
        const own = collecting();
        // Whatever the test leaves open is closed with the system; a second time does nothing.
        const work = scope.closing({ close: own.close }, (open) => open.close());
        const apart = ownConnection ? await connected(own.scope) : link;
        await startWorker(own.scope, { ...worker, link: apart, ...options });
        return work;
      },
      async startApi() {
        const own = collecting();
        const ownLink = await connected(own.scope);
        const settings = { ...config, port: await freePort(), shutdownGraceSeconds: 1 };
        const { url } = await startApi(own.scope, {
          config: settings,
          stores,
          link: ownLink,
          temporalUiUrl: undefined,
          taskQueue,
          ...(limits && { limits }),
          log,
        });
        // Whatever the test leaves open is closed with the system; a second time does nothing.
        const api = scope.closing({ close: own.close }, (open) => open.close());
        const keyOf = async (tenant: string): Promise<string> => {
          const key = newApiKey();
          await stores.keys.add(tenant, key);
          return key;
        };
        return { url, port: settings.port, link: ownLink, keyOf, close: api.close };
      },
      async submit(name, request, { tenant = 'acme', key, file, options = {}, more = {} } = {}) {
        const type = jobTypeOf(name);
        if (type === undefined) throw new Error('no such type');
        const jobId = newJobId(name, tenant, key);
        const createdAt = new Date().toISOString();
        const part: ReceivedPart | undefined = file && {
          staged: await stores.files.stage(chunks(file.bytes)),
          name: file.name,
          declaredType: file.type,
        };
        const asked = type.request.parse(request);
        const templates = createTemplateVersions(stores.templates, variableFaults);
        const list = await type.gather?.(asked, {
          ...{ tenant, files: stores.files, readCsv, templates },
          stage: (bytes) => stores.files.stage(bytes),
          check: (schema, value) => schema.parse(value),
        });
        const { files, dataSources } = stores;
        const scanning = config.scanning.clamd !== undefined;
        const around = { files, templates, dataSources, scanning, publicUrl: 'https://jobs.example.org' };
        const submission = { tenant, jobId, createdAt, ...around, ...(part && { part }), ...(list && { list }) };
        const input = Object.assign((await type.prepare(asked, submission)) as object, more);
        const startOptions = await startOptionsOf(options, { now: Date.now(), tenant, tenantKeys: stores.tenantKeys });
        return jobs.start({ jobId, type, tenant, createdAt, input, fingerprint: fingerprintOf(request, part), options: startOptions });
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}
