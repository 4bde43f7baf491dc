import type { BulkAction, BulkRequest } from '../../src/jobs/bulk.ts';
import type { StartRequest } from '../../src/jobs/client.ts';
import { newJobId } from '../../src/jobs/ids.ts';
import type { Job } from '../../src/jobs/job.ts';
import { jobTypeOf } from '../../src/jobs/registry.ts';

/** A queued e-mail, but for the changes. */
export function aJob(changes: Partial<Job>): Job {
  const type = jobTypeOf(changes.type ?? 'email');
  if (type === undefined) throw new Error('no such type');
  return jobOf({ jobId: changes.id ?? newJobId(type.type, 'acme'), type, createdAt: new Date(0).toISOString() }, changes);
}

export function jobOf({ jobId, type, createdAt }: Pick<StartRequest, 'jobId' | 'type' | 'createdAt'>, changes: Partial<Job> = {}): Job {
  const nothingYet = { startedAt: null, finishedAt: null, attempt: null, maximumAttempts: null, nextAttemptAt: null, progress: null };
  const nothingWrong = { result: null, error: null, stuck: null, deadLetter: null, notes: [] };
  return {
    id: jobId,
    type: type.type,
    workflow: type.workflow,
    status: 'queued',
    createdAt: new Date(createdAt),
    startAt: null,
    expiresAt: null,
    priority: 3,
    labels: {},
    ...nothingYet,
    ...nothingWrong,
    ...changes,
  };
}

export function bulkActionOf(
  { id, action, asked, dryRun, ratePerSecond, reason }: BulkRequest,
  changes: Partial<BulkAction> = {},
): BulkAction {
  return {
    ...{ id, action, filter: asked, dryRun, ratePerSecond, ...(reason !== undefined && { reason }) },
    ...{ status: 'running', counts: { matched: 0, done: 0, skipped: 0, failed: 0 }, failures: [], sample: null },
    ...{ createdAt: new Date('2026-11-22T12:00:00.000Z'), finishedAt: null },
    ...changes,
  };
}
