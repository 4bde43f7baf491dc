import type { BatchActions } from '../../src/jobs/batch-actions.ts';
import type { BulkActions } from '../../src/jobs/bulk.ts';
import type { JobClient, StartRequest } from '../../src/jobs/client.ts';
import type { Previews } from '../../src/jobs/previews.ts';
import { emptyPreview } from './definitions.ts';
import { bulkActionOf, jobOf } from './jobs.ts';

/** What a test sees of the fake job client, and what it replaces for its rest. */
export interface TestJobs {
  /** What was started, in order. */
  readonly started: StartRequest[];
  /** Parts that are replaced. */
  jobs: Partial<JobClient>;
  bulkActions: Partial<BulkActions>;
  batches: Partial<BatchActions>;
  /** Default: an empty one. */
  preview: Previews['preview'] | undefined;
}

/** Starts everything, and knows no job: where `api` says nothing else at the time of the call. */
export function testJobClient(api: TestJobs): JobClient {
  return {
    start: (asked) => {
      api.started.push(asked);
      return api.jobs.start?.(asked) ?? Promise.resolve({ started: true, job: jobOf(asked) });
    },
    earlier: (asked) => api.jobs.earlier?.(asked) ?? Promise.resolve(undefined),
    assertReachable: () => api.jobs.assertReachable?.(),
    get: (tenant, id) => api.jobs.get?.(tenant, id) ?? Promise.resolve(undefined),
    cancel: (tenant, id) => api.jobs.cancel?.(tenant, id) ?? Promise.resolve(undefined),
    retry: (tenant, id) => api.jobs.retry?.(tenant, id) ?? Promise.resolve(undefined),
    discard: (tenant, id, discard) => api.jobs.discard?.(tenant, id, discard) ?? Promise.resolve(undefined),
    addNote: (tenant, id, note) => api.jobs.addNote?.(tenant, id, note) ?? Promise.resolve(undefined),
    edit: (tenant, id, edit) => api.jobs.edit?.(tenant, id, edit) ?? Promise.resolve(undefined),
    list: (tenant, filter, page) => api.jobs.list?.(tenant, filter, page) ?? Promise.resolve({ items: [], nextCursor: null }),
    count: (tenant, filter) =>
      api.jobs.count?.(tenant, filter) ??
      Promise.resolve({ scheduled: 0, running: 0, dead_lettered: 0, completed: 0, failed: 0, cancelled: 0, expired: 0 }),
    bulkActions: {
      start: (asked) => api.bulkActions.start?.(asked) ?? Promise.resolve({ started: true, bulkAction: bulkActionOf(asked) }),
      get: (tenant, id) => api.bulkActions.get?.(tenant, id) ?? Promise.resolve(undefined),
      pause: (tenant, id) => api.bulkActions.pause?.(tenant, id) ?? Promise.resolve(undefined),
      resume: (tenant, id) => api.bulkActions.resume?.(tenant, id) ?? Promise.resolve(undefined),
      abort: (tenant, id) => api.bulkActions.abort?.(tenant, id) ?? Promise.resolve(undefined),
    },
    batches: {
      pause: (tenant, id) => api.batches.pause?.(tenant, id) ?? Promise.resolve(undefined),
      resume: (tenant, id) => api.batches.resume?.(tenant, id) ?? Promise.resolve(undefined),
      input: (tenant, id) => api.batches.input?.(tenant, id) ?? Promise.resolve(undefined),
    },
    previews: { preview: (order, options) => (api.preview ?? emptyPreview)(order, options) },
    explain: (tenant, id) => api.jobs.explain?.(tenant, id) ?? Promise.resolve(undefined),
    limitChanged: (...changed) => api.jobs.limitChanged?.(...changed) ?? Promise.resolve(),
    countOpen: (tenant) => api.jobs.countOpen?.(tenant) ?? Promise.resolve(0),
    backlog: () => api.jobs.backlog?.() ?? Promise.resolve(0),
    unservedQueues: () => Promise.resolve([]),
    close: () => undefined,
  };
}
