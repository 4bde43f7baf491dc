import { afterEach, beforeEach } from '@jest/globals';
import type { Server } from 'node:http';
import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import request from 'supertest';

import { type AppDependencies, createApp } from '../../src/http/app.ts';
import type { JobClient, StartRequest } from '../../src/jobs/client.ts';
import type { Job } from '../../src/jobs/job.ts';
import { testFileStore, type TestFileStore } from './file-store.ts';

export const keys = { acme: 'hk_acme_0123456789', other: 'hk_other_0123456789' };

export interface TestApi {
  readonly store: TestFileStore;
  /** What was started, in order. */
  readonly started: StartRequest[];
  readonly unexpected: unknown[];
  /** Keys that were looked up. */
  readonly lookups: string[];
  readonly answers: { method: string; path: string; status: number; requestId: string }[];
  /** Replaces parts of the fake job client for the rest of the test. */
  jobs: Partial<JobClient>;
  checks: AppDependencies['checks'];
  /** Without a key. */
  anonymous(): ReturnType<typeof request>;
  /** With the key of the tenant `acme`, unless told otherwise. */
  agent(key?: string): ReturnType<typeof request.agent>;
  readonly port: number;
}

export function jobOf({ jobId, type, createdAt }: StartRequest, changes: Partial<Job> = {}): Job {
  const nothingYet = { startedAt: null, finishedAt: null, attempt: null, progress: null, result: null, error: null };
  return {
    id: jobId,
    type: type.type,
    workflow: type.workflow,
    status: 'queued',
    createdAt: new Date(createdAt),
    ...nothingYet,
    ...changes,
  };
}

/** The real application with a fake job client and the real disk store, on a port of its own for each test. */
export function testApi({ maxUploadBytes = 100_000 }: { maxUploadBytes?: number } = {}): TestApi {
  const store = testFileStore();
  let server: Server;
  const api: TestApi = {
    store,
    started: [],
    unexpected: [],
    lookups: [],
    answers: [],
    jobs: {},
    checks: {},
    anonymous: () => request(server),
    agent: (key = keys.acme) => request.agent(server).auth(key, { type: 'bearer' }),
    get port() {
      return (server.address() as AddressInfo).port;
    },
  };
  const jobs: JobClient = {
    start: (asked) => {
      api.started.push(asked);
      return api.jobs.start?.(asked) ?? Promise.resolve({ started: true, job: jobOf(asked) });
    },
    earlier: (asked) => api.jobs.earlier?.(asked) ?? Promise.resolve(undefined),
    assertReachable: () => api.jobs.assertReachable?.(),
    get: (tenant, id) => api.jobs.get?.(tenant, id) ?? Promise.resolve(undefined),
    unservedQueues: () => Promise.resolve([]),
    close: () => undefined,
  };
  beforeEach(async () => {
    for (const list of [api.started, api.unexpected, api.lookups, api.answers]) list.length = 0;
    api.jobs = {};
    api.checks = {};
    const app = createApp({
      jobs,
      files: store.files,
      keys: {
        tenantOf: (key) => {
          api.lookups.push(key);
          return Promise.resolve(Object.entries(keys).find(([, value]) => value === key)?.[0]);
        },
      },
      maxUploadBytes,
      workflowUrl: (jobId) => `http://127.0.0.1:8233/namespaces/default/workflows/${jobId}`,
      checks: { probe: () => api.checks['probe']?.() ?? Promise.resolve() },
      onAnswer: (answer) => api.answers.push(answer),
      onUnexpected: (error) => api.unexpected.push(error),
    });
    server = createServer(app).listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  afterEach(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  });
  return api;
}
