import { CancellationScope, condition, continueAsNew, defineSignal, setHandler, upsertMemo, workflowInfo } from '@temporalio/workflow';

import type { BulkArgs, BulkChunkResult, BulkCounts, BulkProgress, BulkState } from '../src/jobs/bulk-action.ts';
import { activity, type StepName } from './policies.ts';

const pauseSignal = defineSignal('pauseSignal');
const resumeSignal = defineSignal('resumeSignal');

/** How long a chunk takes at the asked rate: a pause takes effect, and counts are kept, as often. In seconds. */
const chunkSeconds = 5;
const largestChunk = 100;
const pageSize = 100;
const keptFailures = 20;
const sampleSize = 20;

const step = <Name extends StepName>(name: Name) =>
  activity(name, { summary: undefined, retry: undefined, scheduleToStartTimeout: undefined });

/**
 * Does one thing to every job that a filter matches, at a steady rate. Aborting it is Temporal's cancellation: the chunk that
 * runs ends within seconds, and what was done stays done.
 *
 * No job is met twice. Only jobs that were started before this began are listed; a page is listed once and kept; the token of
 * the next page stands for a place in the order of start times, which no job changes while it is open, and closed ones are not
 * listed. A dead letter that was retried and is parked again lies behind us, and is known by its new time of parking, too.
 */
export async function bulkAction(args: BulkArgs): Promise<BulkProgress> {
  const { tenant, action, reason, dryRun, ratePerSecond, chunksPerRun = 500 } = args;
  const state = args.state ?? begun();
  const filter = { ...args.filter, createdBefore: earlier(args.filter.createdBefore, state.asOf) };
  setHandler(pauseSignal, () => {
    state.paused = true;
  });
  setHandler(resumeSignal, () => {
    state.paused = false;
  });

  function show(more: Partial<BulkProgress> = {}): BulkProgress {
    const progress = { counts: state.counts, failures: state.failures, paused: false, ...more };
    upsertMemo({ progress });
    return progress;
  }

  if (args.state === undefined) {
    state.counts.matched = await step('countJobs')({ tenant, filter });
    if (dryRun) return show({ sample: (await step('selectJobs')({ tenant, filter, pageToken: '', pageSize: sampleSize })).jobIds });
    show();
  }
  const chunkSize = Math.min(largestChunk, Math.max(1, Math.floor(ratePerSecond * chunkSeconds)));
  for (let chunks = 0; ;) {
    if (state.paused) {
      show({ paused: true });
      await condition(() => !state.paused);
      state.nextTurn = null;
      show();
    }
    if (state.jobIds.length === 0) {
      if (state.pageToken === null) break;
      Object.assign(state, await step('selectJobs')({ tenant, filter, pageToken: state.pageToken, pageSize }));
      continue;
    }
    // A new run would not know that this one was cancelled.
    const aborted = CancellationScope.current().consideredCancelled;
    if (!aborted && (chunks === chunksPerRun || workflowInfo().continueAsNewSuggested))
      await continueAsNew<typeof bulkAction>({ ...args, state });
    const jobIds = state.jobIds.slice(0, chunkSize);
    const { asOf, nextTurn } = state;
    const call = { tenant, action, statuses: filter.statuses, jobIds, asOf, nextTurn, ratePerSecond };
    account(state, jobIds, await step('actOnJobs')({ ...call, ...(reason !== undefined && { reason }) }));
    chunks += 1;
    show();
  }
  state.counts.matched = met(state.counts);
  return show();
}

function begun(): BulkState {
  const asOf = workflowInfo().startTime.toISOString();
  const counts = { matched: 0, done: 0, skipped: 0, failed: 0 };
  return { asOf, counts, failures: [], jobIds: [], pageToken: '', paused: false, nextTurn: null };
}

/** Both RFC 3339; `asOf` in UTC. */
function earlier(asked: string | undefined, asOf: string): string {
  return asked !== undefined && Date.parse(asked) < Date.parse(asOf) ? asked : asOf;
}

const met = ({ done, skipped, failed }: BulkCounts) => done + skipped + failed;

/** An activity that had to stop leaves some of its jobs undone: they stay in front. */
function account(state: BulkState, jobIds: string[], { outcomes, nextTurn }: BulkChunkResult): void {
  const undone: string[] = [];
  for (const [index, jobId] of jobIds.entries()) {
    const outcome = outcomes[index] ?? null;
    if (outcome === null) undone.push(jobId);
    else if (outcome === 'done' || outcome === 'skipped') state.counts[outcome] += 1;
    else {
      state.counts.failed += 1;
      if (state.failures.length < keptFailures) state.failures.push({ jobId, code: outcome });
    }
  }
  state.jobIds = [...undone, ...state.jobIds.slice(jobIds.length)];
  state.counts.matched = Math.max(state.counts.matched, met(state.counts));
  state.nextTurn = nextTurn;
}
