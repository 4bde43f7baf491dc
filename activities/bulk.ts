import { activityInfo } from '@temporalio/activity';

import { AppError } from '../src/errors.ts';
import type {
  BulkChunk,
  BulkChunkProgress,
  BulkChunkResult,
  BulkOutcome,
  BulkPage,
  BulkPageRequest,
  BulkSelection,
  JobOperation,
} from '../src/jobs/bulk-action.ts';
import { classified } from './failures.ts';
import { type Beat, heartbeating } from './heartbeat.ts';
import { createPace } from './pace.ts';

/** All throw AppError `temporal_unavailable`, which is `retryable`. */
export interface BulkJobs {
  count(selection: BulkSelection): Promise<number>;
  page(request: BulkPageRequest): Promise<BulkPage>;
  /** `skipped`: the job has left the state, has come to it after `asOf`, or is not there any more. */
  act(operation: JobOperation): Promise<'done' | 'skipped'>;
}

export interface BulkDependencies {
  jobs: BulkJobs;
}

/** Jobs that are acted on at the same time: one slow answer must not slow down the rate. */
const width = 5;

export function bulkActivities({ jobs }: BulkDependencies) {
  return {
    countJobs(selection: BulkSelection): Promise<number> {
      return classified(() => heartbeating(() => jobs.count(selection)));
    },

    selectJobs(request: BulkPageRequest): Promise<BulkPage> {
      return classified(() => heartbeating(() => jobs.page(request)));
    },

    /**
     * Acts on each job in its turn. When it has to stop (abort, end of the worker) it returns what it has done: the workflow
     * must know. An attempt goes on with the last heartbeat of the one before; jobs whose outcome a killed worker had no time
     * to tell are looked at again, and as a rule skipped, since they are not in the state any more.
     */
    actOnJobs(chunk: BulkChunk): Promise<BulkChunkResult> {
      return classified(() => heartbeating((beat) => actInTurn(jobs, chunk, beat)));
    },
  };
}

async function actInTurn(jobs: BulkJobs, chunk: BulkChunk, { report, signal }: Beat): Promise<BulkChunkResult> {
  const { jobIds, nextTurn, ratePerSecond, ...operation } = chunk;
  const before = activityInfo().heartbeatDetails as BulkChunkProgress | undefined;
  const outcomes: BulkChunkProgress['outcomes'] = jobIds.map((_id, index) => before?.outcomes[index] ?? null);
  const pace = createPace(ratePerSecond, before === undefined ? nextTurn : null);
  const inFlight = new Set<Promise<void>>();
  let outage: unknown;

  const tell = () => {
    const done = outcomes.filter((outcome) => outcome !== null).length;
    const progress: BulkChunkProgress = { done, total: jobIds.length, unit: 'jobs', stage: chunk.action, outcomes: [...outcomes] };
    report(progress);
  };
  async function actOn(jobId: string, index: number): Promise<void> {
    try {
      outcomes[index] = await jobs.act({ ...operation, jobId });
    } catch (error) {
      if (error instanceof AppError && error.retryable) outage ??= error;
      else outcomes[index] = codeOf(error);
    }
    tell();
  }

  tell();
  for (const [index, jobId] of jobIds.entries()) {
    if (outcomes[index] !== null) continue;
    if (inFlight.size >= width) await Promise.race(inFlight);
    if (outage !== undefined || !(await pace.turn(signal))) break;
    const acting: Promise<void> = actOn(jobId, index).finally(() => inFlight.delete(acting));
    inFlight.add(acting);
  }
  await Promise.all(inFlight);
  if (outage !== undefined && !signal.aborted) throw outage as AppError;
  return { outcomes, nextTurn: pace.nextTurn() };
}

/** What no code of ours names is a defect, and one job's defect must not stop the others. */
function codeOf(error: unknown): BulkOutcome {
  return error instanceof AppError ? error.code : 'internal_error';
}
