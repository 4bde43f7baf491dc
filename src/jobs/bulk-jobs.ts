import { isNotFound } from './bulk.ts';
import type { ActionableStatus, BulkPage, BulkPageRequest, BulkSelection, JobOperation } from './bulk-action.ts';
import type { JobStatus } from './job.ts';
import { createJobReader, type FoundRun } from './reading.ts';
import { allJobTypes } from './registry.ts';
import { statusOf } from './status.ts';
import type { TemporalCalls } from './temporal-calls.ts';
import { visibilityQuery } from './visibility-query.ts';

/** As a filter names it; `undefined` where nothing can be done any more. */
const actionableAs: Partial<Record<JobStatus, ActionableStatus>> = {
  scheduled: 'scheduled',
  queued: 'running',
  running: 'running',
  retrying: 'running',
  dead_lettered: 'dead_lettered',
};

/** What bulk actions need of Temporal in a worker: the port `BulkJobs` of the activities. */
export function createBulkJobs({ call, look }: Pick<TemporalCalls, 'call' | 'look'>) {
  const reader = createJobReader({ call });

  /** A dead letter that was parked after `asOf` is another one: it may be ours, retried and parked again. */
  function isMeant({ facts, memo }: FoundRun, { statuses, asOf }: JobOperation): boolean {
    const status = actionableAs[statusOf(facts, Date.now())];
    if (status === undefined || !statuses.includes(status)) return false;
    return status !== 'dead_lettered' || (memo.dead !== undefined && Date.parse(memo.dead.since) <= Date.parse(asOf));
  }

  const send = ({ action, jobId, reason }: JobOperation, { memo }: FoundRun) =>
    call(async (client) => {
      const handle = client.workflow.getHandle(jobId);
      // What was seen is decided about, not what may have been parked since.
      const seen = memo.dead && { redrives: memo.dead.redrives };
      if (action === 'cancel') await handle.cancel();
      else if (action === 'retry') await handle.signal('retrySignal', { ...seen });
      else await handle.signal('discardSignal', { ...(reason !== undefined && { reason }), ...seen });
    });

  return {
    count: (selection: BulkSelection): Promise<number> => look(async (client) => (await client.workflow.count(queryOf(selection))).count),

    page: ({ pageToken, pageSize, ...selection }: BulkPageRequest): Promise<BulkPage> =>
      look(async ({ workflowService, options: { namespace } }) => {
        const { executions, nextPageToken } = await workflowService.listWorkflowExecutions({
          namespace,
          query: queryOf(selection),
          pageSize,
          nextPageToken: Buffer.from(pageToken, 'base64'),
        });
        return {
          jobIds: executions.flatMap(({ execution }) => execution?.workflowId ?? []),
          pageToken: nextPageToken.length === 0 ? null : Buffer.from(nextPageToken).toString('base64'),
        };
      }),

    async act(operation: JobOperation): Promise<'done' | 'skipped'> {
      const run = await reader.find(operation.tenant, operation.jobId);
      if (run === undefined || !isMeant(run, operation)) return 'skipped';
      try {
        await send(operation, run);
        return 'done';
      } catch (error) {
        // It ended between our look and our call.
        if (isNotFound(error)) return 'skipped';
        throw error;
      }
    },
  };
}

function queryOf({ tenant, filter }: BulkSelection): string {
  const { type, statuses, labelHashes, createdAfter, createdBefore } = filter;
  return visibilityQuery({
    tenant,
    workflows: allJobTypes.filter((candidate) => type === undefined || candidate.type === type).map(({ workflow }) => workflow),
    statuses,
    labelHashes,
    ...(createdAfter !== undefined && { createdAfter: new Date(createdAfter) }),
    ...(createdBefore !== undefined && { createdBefore: new Date(createdBefore) }),
  });
}
