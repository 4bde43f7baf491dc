import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { loadConfig } from '../../src/config.ts';
import { createJobClient, type JobClient } from '../../src/jobs/client.ts';
import type { ReceivedPart } from '../../src/jobs/definition.ts';
import { fingerprintOf } from '../../src/jobs/fingerprint.ts';
import { newJobId } from '../../src/jobs/ids.ts';
import type { Job } from '../../src/jobs/job.ts';
import { jobTypeOf } from '../../src/jobs/registry.ts';
import type { Scope } from '../../src/lifecycle.ts';
import { openStores, type Stores } from '../../src/stores.ts';
import { linkTemporal, type TemporalLink } from '../../src/temporal/connection.ts';
import { groups, startWorker } from '../../src/worker.ts';
import { chunks } from './file-store.ts';
import { pgliteDirectory } from './pglite.ts';

export interface SubmitOptions {
  tenant?: string;
  key?: string;
  file?: { bytes: string | Uint8Array; name: string; type?: string };
}

export interface TestSystem {
  jobs: JobClient;
  stores: Stores;
  link: TemporalLink;
  /** As HTTP does it. */
  submit(type: 'email' | 'report' | 'upload', request: unknown, options?: SubmitOptions): Promise<{ started: boolean; job: Job }>;
  close(): Promise<void>;
}

const log = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

/** Workers, job client, embedded database and disk store on the run's Temporal server, with Task Queues of their own. */
export async function startSystem({ taskQueue, smtpUrl }: { taskQueue: string; smtpUrl: string }): Promise<TestSystem> {
  const closers: (() => Promise<void> | void)[] = [];
  const scope: Scope = {
    closing(thing, close) {
      closers.push(() => close(thing));
      return thing;
    },
  };
  const temporary = (directory: string): string => scope.closing(directory, () => rm(directory, { recursive: true, force: true }));
  const close = async (): Promise<void> => {
    for (const closeOne of closers.splice(0).reverse()) await closeOne();
  };
  try {
    const dataDir = temporary(await mkdtemp(join(tmpdir(), 'handoff-system-')));
    const config = loadConfig({ HANDOFF_DATA_DIR: dataDir, HANDOFF_SHUTDOWN_GRACE_SECONDS: '5', HANDOFF_MAIL_FROM: 'shop@example.org' });
    const stores = await openStores(scope, config, { directory: temporary(await pgliteDirectory()) });
    const connection = { address: process.env['TEMPORAL_ADDRESS'] ?? '' };
    const link = scope.closing(linkTemporal({ connection, namespace: 'default', log: () => undefined }), (open) => open.close());
    await startWorker(scope, { config, stores, link, smtpUrl, taskQueue, log });
    const activityQueues = groups.map((group) => `${taskQueue}-${group}`);
    const jobs = scope.closing(createJobClient({ client: link.client, activityQueues, taskQueue }), (client) => {
      client.close();
    });

    return {
      jobs,
      stores,
      link,
      close,
      async submit(name, request, { tenant = 'acme', key, file } = {}) {
        const type = jobTypeOf(name);
        if (type === undefined) throw new Error('no such type');
        const jobId = newJobId(name, tenant, key);
        const createdAt = new Date().toISOString();
        const part: ReceivedPart | undefined = file && {
          staged: await stores.files.stage(chunks(file.bytes)),
          name: file.name,
          declaredType: file.type,
        };
        const submission = { tenant, jobId, createdAt, files: stores.files, ...(part && { part }) };
        const input = await type.prepare(type.request.parse(request), submission);
        return jobs.start({ jobId, type, tenant, createdAt, input, fingerprint: fingerprintOf(request, part) });
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}
