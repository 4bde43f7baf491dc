import { type Client, WorkflowExecutionAlreadyStartedError } from '@temporalio/client';

import { AppError } from '../errors.ts';
import { type BatchActions, createBatchActions } from './batch-actions.ts';
import { type ConcurrencyLimits, noLimits } from './concurrency.ts';
import type { RunOptions } from './definition.ts';
import { createJobExplainer, type JobExplainer } from './explaining.ts';
import { type BulkActions, createBulkActions } from './bulk.ts';
import { createJobActions, type JobActions } from './job-actions.ts';
import { createJobLists, type JobLists } from './job-lists.ts';
import type { Job } from './job.ts';
import { limitIdFor } from './ids.ts';
import type { JobMemo } from './memo.ts';
import { defaultPriority } from './options.ts';
import { createPlaceLines, type PlaceLines } from './places.ts';
import { createPreviews, type Previews } from './previews.ts';
import { createQueues } from './queue-facts.ts';
import { createJobReader } from './reading.ts';
import type { AnyJobType } from './registry.ts';
import type { StartOptions } from './start-options.ts';
import { createTemporalCalls } from './temporal-calls.ts';
import type { TenantKeys } from './tenant-keys.ts';

export interface StartRequest {
  jobId: string;
  type: AnyJobType;
  tenant: string;
  /** RFC 3339. */
  createdAt: string;
  input: unknown;
  /** Of the request as it came, so that a reused key with another body is noticed. */
  fingerprint: string;
  options?: StartOptions;
}

/** The only way to Temporal for everything outside the worker. */
export interface JobClient extends JobActions, JobLists, JobExplainer, Pick<PlaceLines, 'limitChanged'> {
  /**
   * Resolves only after Temporal has stored the start. Repeating it with the same id is safe: the second answer says `started: false`.
   * @throws AppError `temporal_unavailable` (the start may have been stored), `idempotency_key_reused`, `database_unavailable`.
   */
  start(request: StartRequest): Promise<{ started: boolean; job: Job }>;
  /**
   * The job that an earlier submission under this id started, if there is one.
   * @throws AppError `temporal_unavailable`, `idempotency_key_reused` when that was another request.
   */
  earlier(request: Pick<StartRequest, 'jobId' | 'type' | 'fingerprint'>): Promise<Job | undefined>;
  /** For before a body is received. @throws AppError `temporal_unavailable` when Temporal is known to be away. */
  assertReachable(): void;
  /** `undefined` when unknown **or another tenant's**. @throws AppError `temporal_unavailable`. */
  get(tenant: string, id: string): Promise<Job | undefined>;
  readonly bulkActions: BulkActions;
  readonly batches: BatchActions;
  readonly previews: Previews;
  /** The names of the Task Queues that no worker polls. @throws AppError `temporal_unavailable`. */
  unservedQueues(): Promise<string[]>;
  /** How many tasks wait for a worker, about. @throws AppError `temporal_unavailable`, which shuts nothing else. */
  backlog(): Promise<number>;
  close(): void;
}

export const workflowTaskQueue = 'handoff';

export interface JobClientOptions {
  /** The connected client. @throws while there is none. */
  client: () => Client;
  /** Activity Task Queues that `unservedQueues` looks at, beside the workflows' own. */
  activityQueues: readonly string[];
  tenantKeys: TenantKeys;
  /** Default: none. */
  limits?: ConcurrencyLimits;
  /** Where workflows go. */
  taskQueue?: string;
}

export function createJobClient({
  client,
  activityQueues,
  tenantKeys,
  limits = noLimits,
  taskQueue = workflowTaskQueue,
}: JobClientOptions): JobClient {
  const calls = createTemporalCalls(client);
  const { call } = calls;
  const reader = createJobReader(calls);
  const queues = createQueues(calls);
  const lines = createPlaceLines(calls);
  const allQueues = [
    { name: taskQueue, kind: 'workflow' as const },
    ...activityQueues.map((name) => ({ name, kind: 'activity' as const })),
  ];

  async function earlier({ jobId, type, fingerprint }: Pick<StartRequest, 'jobId' | 'type' | 'fingerprint'>): Promise<Job | undefined> {
    const description = await reader.describe(jobId);
    if (description === undefined) return undefined;
    const run = await reader.toRun(description, type);
    if (run.memo.fingerprint !== fingerprint)
      throw new AppError('idempotency_key_reused', 'This Idempotency-Key was used before with another request.');
    return reader.present(run);
  }

  return {
    ...createJobActions(calls, reader),
    ...createJobExplainer(reader, { queues, lines }),
    ...createJobLists(calls, tenantKeys),
    bulkActions: createBulkActions(calls, taskQueue),
    batches: createBatchActions(calls, reader),
    previews: createPreviews(calls, client, taskQueue),
    limitChanged: (tenant, type, limit) => lines.limitChanged(tenant, type, limit),
    earlier,
    assertReachable: () => {
      calls.assertReachable();
    },

    async start(request) {
      const { jobId, type, tenant, input, fingerprint, options = {} } = request;
      const isLimited = (await limits.concurrentJobs(tenant, type.type)) !== undefined;
      const limitedBy = isLimited ? limitIdFor(tenant, type.type) : undefined;
      const memo: JobMemo = { ...memoOf(request), ...(isLimited && { place: {} }) };
      const startDelay = options.startAt === undefined ? 0 : Math.max(0, options.startAt.getTime() - Date.now());
      try {
        await call((connected) =>
          connected.workflow.start(type.workflow, {
            workflowId: jobId,
            taskQueue,
            args: [{ tenant, input, ...runOptionsOf(options, limitedBy) }],
            memo: { ...memo },
            typedSearchAttributes: [
              { key: { name: 'HandoffTenant', type: 'KEYWORD' }, value: tenant },
              ...(options.startAt ? [{ key: { name: 'HandoffState', type: 'KEYWORD' as const }, value: 'scheduled' }] : []),
              ...(options.labelHashes
                ? [{ key: { name: 'HandoffLabels', type: 'KEYWORD_LIST' as const }, value: options.labelHashes }]
                : []),
            ],
            // Fair between tenants, by priority within one; activities inherit both.
            priority: { priorityKey: options.priority ?? defaultPriority, fairnessKey: tenant },
            staticSummary: type.summary(input),
            workflowIdConflictPolicy: 'FAIL',
            workflowIdReusePolicy: 'REJECT_DUPLICATE',
            ...(startDelay > 0 && { startDelay }),
          }),
        );
        return { started: true, job: accepted(request) };
      } catch (error) {
        if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
      }
      const job = await earlier({ jobId, type, fingerprint });
      if (job === undefined)
        throw new AppError('temporal_unavailable', 'Temporal contradicts itself.', { retryable: true, retryAfterSeconds: 1 });
      return { started: false, job };
    },

    async get(tenant, id) {
      const run = await reader.find(tenant, id);
      return run && reader.present(run);
    },

    unservedQueues: () => queues.unserved(allQueues),
    backlog: () => createQueues({ call: calls.glance }).waiting(allQueues),

    close: () => {
      calls.close();
    },
  };
}

function memoOf({ type, createdAt, input, fingerprint, options = {} }: StartRequest): JobMemo {
  const plan = type.steps?.(input);
  const { startAt, ttlSeconds, priority, labels } = options;
  return {
    createdAt,
    fingerprint,
    ...(plan && { plan: { ...plan, done: 0 } }),
    ...(startAt && { startAt: startAt.toISOString() }),
    ...(ttlSeconds !== undefined && { ttlSeconds }),
    ...(priority !== undefined && { priority }),
    ...(labels && { labels }),
  };
}

function runOptionsOf({ startAt, ttlSeconds, retry }: StartOptions, limitedBy: string | undefined): { options?: RunOptions } {
  const options: RunOptions = {
    ...(startAt && { startAt: startAt.toISOString() }),
    ...(ttlSeconds !== undefined && { ttlSeconds }),
    ...(retry && { retry }),
    ...(limitedBy !== undefined && { limitedBy }),
  };
  return Object.keys(options).length === 0 ? {} : { options };
}

function accepted({ jobId: id, type, createdAt, options = {} }: StartRequest): Job {
  const from = options.startAt ?? new Date(createdAt);
  const nothingYet = { startedAt: null, finishedAt: null, attempt: null, maximumAttempts: null, nextAttemptAt: null, progress: null };
  return {
    id,
    type: type.type,
    workflow: type.workflow,
    status: options.startAt ? 'scheduled' : 'queued',
    createdAt: new Date(createdAt),
    startAt: options.startAt ?? null,
    expiresAt: options.ttlSeconds === undefined ? null : new Date(from.getTime() + options.ttlSeconds * 1000),
    priority: options.priority ?? defaultPriority,
    labels: options.labels ?? {},
    ...nothingYet,
    result: null,
    error: null,
    stuck: null,
    deadLetter: null,
    notes: [],
  };
}
