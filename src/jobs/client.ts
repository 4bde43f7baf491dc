import {
  type Client,
  type WorkflowExecutionDescription,
  WorkflowExecutionAlreadyStartedError,
  WorkflowNotFoundError,
} from '@temporalio/client';

import { AppError } from '../errors.ts';
import { createGate } from './gate.ts';
import { closingOf, startedAtOf } from './history.ts';
import { prefixOfOwnId } from './ids.ts';
import type { Job } from './job.ts';
import { factsOf, type JobMemo } from './facts.ts';
import { isOutage } from './outage.ts';
import { type AnyJobType, jobTypeOf } from './registry.ts';
import { attemptOf, lastFailureOf, progressOf, statusOf } from './status.ts';

export interface StartRequest {
  jobId: string;
  type: AnyJobType;
  tenant: string;
  /** RFC 3339. */
  createdAt: string;
  input: unknown;
  /** Of the request as it came, so that a reused key with another body is noticed. */
  fingerprint: string;
}

/** The only way to Temporal for everything outside the worker. */
export interface JobClient {
  /**
   * Resolves only after Temporal has stored the start. Repeating it with the same id is safe: the second answer says `started: false`.
   * @throws AppError `temporal_unavailable` (the start may have been stored), `idempotency_key_reused`.
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
  /** The names of the Task Queues that no worker polls. @throws AppError `temporal_unavailable`. */
  unservedQueues(): Promise<string[]>;
  close(): void;
}

export const workflowTaskQueue = 'handoff';

/** An idle poller asks about once a minute; a dead one stays listed for five. */
const pollerFreshMs = 75_000;

export interface JobClientOptions {
  /** The connected client. @throws while there is none. */
  client: () => Client;
  /** Activity Task Queues that `unservedQueues` looks at, beside the workflows' own. */
  activityQueues: readonly string[];
  /** Where workflows go. */
  taskQueue?: string;
}

export function createJobClient({ client, activityQueues, taskQueue = workflowTaskQueue }: JobClientOptions): JobClient {
  const gate = createGate({
    isOutage,
    probe: async () => client().workflowService.getSystemInfo({}),
  });
  const call = <T>(run: (client: Client) => Promise<T>, deadlineMs = 4_000) =>
    gate(async () => {
      const connected = client();
      return connected.withDeadline(Date.now() + deadlineMs, () => run(connected));
    });

  async function present(description: WorkflowExecutionDescription, id: string, type: AnyJobType): Promise<Job> {
    const facts = await factsOf(client(), description);
    const memo = description.memo as JobMemo | undefined;
    const status = statusOf(facts);
    const run = { workflowId: id, runId: description.runId };
    const finished = facts.state !== 'RUNNING';
    const closing = finished ? await call((connected) => closingOf(connected, run)) : undefined;
    return {
      id,
      type: type.type,
      workflow: type.workflow,
      status,
      createdAt: memo?.createdAt === undefined ? description.startTime : new Date(memo.createdAt),
      startedAt: facts.begun ? await call((connected) => startedAtOf(connected, run)) : null,
      finishedAt: description.closeTime ?? null,
      attempt: closing?.attempt ?? attemptOf(facts),
      progress: finished ? null : progressOf(facts, memo?.plan),
      result: closing?.result ?? null,
      error: closing === undefined ? lastFailureOf(facts) : closing.error,
    };
  }

  /** `undefined` for an unknown id. */
  async function describe(id: string): Promise<WorkflowExecutionDescription | undefined> {
    try {
      return await call((connected) => connected.workflow.getHandle(id).describe());
    } catch (error) {
      if (error instanceof WorkflowNotFoundError) return undefined;
      throw error;
    }
  }

  async function earlier({ jobId, type, fingerprint }: Pick<StartRequest, 'jobId' | 'type' | 'fingerprint'>): Promise<Job | undefined> {
    const description = await describe(jobId);
    if (description === undefined) return undefined;
    if ((description.memo as JobMemo | undefined)?.fingerprint !== fingerprint)
      throw new AppError('idempotency_key_reused', 'This Idempotency-Key was used before with another request.');
    return present(description, jobId, type);
  }

  return {
    earlier,

    assertReachable: () => {
      client();
      gate.assertOpen();
    },

    async start({ jobId, type, tenant, createdAt, input, fingerprint }) {
      const plan = type.steps?.(input);
      const memo: JobMemo = { createdAt, fingerprint, ...(plan && { plan: { ...plan, done: 0 } }) };
      try {
        await call((connected) =>
          connected.workflow.start(type.workflow, {
            workflowId: jobId,
            taskQueue,
            args: [{ tenant, input }],
            memo: { ...memo },
            typedSearchAttributes: [{ key: { name: 'HandoffTenant', type: 'KEYWORD' }, value: tenant }],
            staticSummary: type.summary(input),
            workflowIdConflictPolicy: 'FAIL',
            workflowIdReusePolicy: 'REJECT_DUPLICATE',
          }),
        );
        return { started: true, job: accepted(jobId, type, createdAt) };
      } catch (error) {
        if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
      }
      const job = await earlier({ jobId, type, fingerprint });
      if (job === undefined)
        throw new AppError('temporal_unavailable', 'Temporal contradicts itself.', { retryable: true, retryAfterSeconds: 1 });
      return { started: false, job };
    },

    async get(tenant, id) {
      const type = jobTypeOf(prefixOfOwnId(id, tenant));
      if (type === undefined) return undefined;
      const description = await describe(id);
      // The tag in the id is short: the attribute decides.
      // eslint-disable-next-line @typescript-eslint/no-deprecated -- the typed form needs the key's definition on this side, too
      if (description?.searchAttributes['HandoffTenant']?.[0] !== tenant) return undefined;
      return present(description, id, type);
    },

    async unservedQueues() {
      const queues = [{ name: taskQueue, taskQueueType: 1 }, ...activityQueues.map((name) => ({ name, taskQueueType: 2 }))];
      const unserved = await Promise.all(
        queues.map(async ({ name, taskQueueType }) => {
          const { pollers } = await call((connected) =>
            connected.workflowService.describeTaskQueue({
              namespace: connected.options.namespace,
              taskQueue: { name },
              // eslint-disable-next-line @typescript-eslint/no-unsafe-enum-assignment -- TaskQueueType is in a package of the SDK's own
              taskQueueType,
            }),
          );
          const fresh = pollers.some((poller) => Number(poller.lastAccessTime?.seconds ?? 0) * 1000 > Date.now() - pollerFreshMs);
          return fresh ? [] : [name];
        }),
      );
      return unserved.flat();
    },

    close: () => {
      gate.close();
    },
  };
}

function accepted(id: string, type: AnyJobType, createdAt: string): Job {
  const nothingYet = { startedAt: null, finishedAt: null, attempt: null, progress: null, result: null, error: null };
  return { id, type: type.type, workflow: type.workflow, status: 'queued', createdAt: new Date(createdAt), ...nothingYet };
}
