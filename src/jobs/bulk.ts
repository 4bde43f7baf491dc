import { WorkflowExecutionAlreadyStartedError, type WorkflowExecutionDescription, WorkflowNotFoundError } from '@temporalio/client';

import { AppError } from '../errors.ts';
import {
  type AskedFilter,
  type BulkArgs,
  type BulkChunkProgress,
  type BulkCounts,
  type BulkFailure,
  type BulkOrder,
  type BulkProgress,
  bulkIdPrefix,
} from './bulk-action.ts';
import { attributeOf, factsOf } from './facts.ts';
import { prefixOfOwnId } from './ids.ts';
import type { TemporalCalls } from './temporal-calls.ts';

/** A run of the workflow `bulkAction`. */
export interface BulkAction extends Omit<BulkOrder, 'filter' | 'tenant'> {
  id: string;
  filter: AskedFilter;
  status: 'running' | 'paused' | 'completed' | 'aborted' | 'failed';
  counts: BulkCounts;
  failures: BulkFailure[];
  /** Of a dry run that has finished: ids of up to twenty jobs. */
  sample: string[] | null;
  createdAt: Date;
  finishedAt: Date | null;
}

export interface BulkRequest extends BulkOrder, Pick<BulkArgs, 'chunksPerRun'> {
  id: string;
  /** The filter as it was asked for. */
  asked: AskedFilter;
  /** Of the request as it came, so that a reused key with another body is noticed. */
  fingerprint: string;
}

/** `undefined` when unknown **or another tenant's**. All throw AppError `temporal_unavailable`. */
export interface BulkActions {
  /** Repeating it with the same id is safe: the second answer says `started: false`. @throws AppError `idempotency_key_reused`. */
  start(request: BulkRequest): Promise<{ started: boolean; bulkAction: BulkAction }>;
  get(tenant: string, id: string): Promise<BulkAction | undefined>;
  /** Takes effect when the chunk that runs has ended: then the status is `paused`. @throws AppError `bulk_action_finished`, as the others. */
  pause(tenant: string, id: string): Promise<BulkAction | undefined>;
  resume(tenant: string, id: string): Promise<BulkAction | undefined>;
  /** What was done stays done. */
  abort(tenant: string, id: string): Promise<BulkAction | undefined>;
}

interface BulkMemo extends Omit<BulkOrder, 'filter' | 'tenant'> {
  /** RFC 3339. */
  createdAt: string;
  fingerprint: string;
  filter: AskedFilter;
  progress?: BulkProgress;
}

/** New work goes first: a bulk action and its steps wait behind everything else of their tenant. */
const priorityKey = 5;
const nothing: BulkCounts = { matched: 0, done: 0, skipped: 0, failed: 0 };
const finished = () => new AppError('bulk_action_finished', 'The bulk action has ended.');

/** The run is not there, or has ended. */
export function isNotFound(error: unknown): boolean {
  const code = (error as { code?: number }).code ?? (error as { cause?: { code?: number } }).cause?.code;
  return error instanceof WorkflowNotFoundError || code === 5;
}

export function createBulkActions({ call }: Pick<TemporalCalls, 'call'>, taskQueue: string): BulkActions {
  async function find(tenant: string, id: string): Promise<WorkflowExecutionDescription | undefined> {
    if (prefixOfOwnId(id, tenant) !== bulkIdPrefix) return undefined;
    try {
      const description = await call((client) => client.workflow.getHandle(id).describe());
      // The tag in the id is short: the attribute decides.
      return attributeOf(description, 'HandoffTenant') === tenant ? description : undefined;
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  async function present(description: WorkflowExecutionDescription): Promise<BulkAction> {
    const { action, reason, dryRun, ratePerSecond, filter, createdAt, progress } = description.memo as unknown as BulkMemo;
    const { steps } = await call((client) => factsOf(client, description));
    const chunk = steps.find(({ name }) => name === 'actOnJobs')?.progress as BulkChunkProgress | undefined;
    return {
      id: description.workflowId,
      ...{ action, filter, dryRun, ratePerSecond, ...(reason !== undefined && { reason }) },
      status: statusOf(description, progress),
      counts: withChunk(progress?.counts ?? nothing, chunk),
      failures: progress?.failures ?? [],
      sample: progress?.sample ?? null,
      createdAt: new Date(createdAt),
      finishedAt: description.closeTime ?? null,
    };
  }

  const steer = (send: (id: string) => Promise<unknown>) => async (tenant: string, id: string) => {
    const description = await find(tenant, id);
    if (description === undefined) return undefined;
    if (description.status.name !== 'RUNNING') throw finished();
    try {
      await send(id);
    } catch (error) {
      if (isNotFound(error)) throw finished();
      throw error;
    }
    const after = await find(tenant, id);
    return after && present(after);
  };

  return {
    async start(request) {
      const { id, tenant, action, filter, asked, reason, dryRun, ratePerSecond, fingerprint, chunksPerRun } = request;
      const order = { action, ...(reason !== undefined && { reason }), dryRun, ratePerSecond };
      const memo: BulkMemo = { ...order, createdAt: new Date().toISOString(), fingerprint, filter: asked };
      const args: BulkArgs = { ...order, tenant, filter, ...(chunksPerRun !== undefined && { chunksPerRun }) };
      let started = true;
      try {
        await call((client) =>
          client.workflow.start('bulkAction', {
            workflowId: id,
            taskQueue,
            args: [args],
            memo: { ...memo },
            typedSearchAttributes: [{ key: { name: 'HandoffTenant', type: 'KEYWORD' }, value: tenant }],
            priority: { priorityKey, fairnessKey: tenant },
            staticSummary: `${action}${dryRun ? ', dry run' : ''}, at most ${String(ratePerSecond)} a second`,
            workflowIdConflictPolicy: 'FAIL',
            workflowIdReusePolicy: 'REJECT_DUPLICATE',
          }),
        );
      } catch (error) {
        if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
        started = false;
      }
      const description = await find(tenant, id);
      if (description === undefined)
        throw new AppError('temporal_unavailable', 'Temporal contradicts itself.', { retryable: true, retryAfterSeconds: 1 });
      if ((description.memo as unknown as BulkMemo).fingerprint !== fingerprint)
        throw new AppError('idempotency_key_reused', 'This Idempotency-Key was used before with another request.');
      return { started, bulkAction: await present(description) };
    },

    async get(tenant, id) {
      const description = await find(tenant, id);
      return description && present(description);
    },

    pause: steer((id) => call((client) => client.workflow.getHandle(id).signal('pauseSignal'))),
    resume: steer((id) => call((client) => client.workflow.getHandle(id).signal('resumeSignal'))),
    abort: steer((id) => call((client) => client.workflow.getHandle(id).cancel())),
  };
}

function statusOf({ status }: WorkflowExecutionDescription, progress: BulkProgress | undefined): BulkAction['status'] {
  if (status.name === 'RUNNING') return progress?.paused === true ? 'paused' : 'running';
  if (status.name === 'COMPLETED') return 'completed';
  return status.name === 'CANCELLED' ? 'aborted' : 'failed';
}

/** With what the chunk that runs has reported. */
function withChunk(counts: BulkCounts, chunk: BulkChunkProgress | undefined): BulkCounts {
  const outcomes = chunk?.outcomes.filter((outcome) => outcome !== null) ?? [];
  const [done, skipped] = [
    outcomes.filter((outcome) => outcome === 'done').length,
    outcomes.filter((outcome) => outcome === 'skipped').length,
  ];
  const failed = outcomes.length - done - skipped;
  return { ...counts, done: counts.done + done, skipped: counts.skipped + skipped, failed: counts.failed + failed };
}
