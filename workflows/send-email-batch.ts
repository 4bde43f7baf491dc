import {
  CancellationScope,
  CancelledFailure,
  condition,
  defineSignal,
  isCancellation,
  setHandler,
  upsertMemo,
  workflowInfo,
} from '@temporalio/workflow';

import type { Route } from '../activities/mail-lane.ts';
import type { BatchInput, BatchResult } from '../src/jobs/batch.ts';
import type { ChunkCall, ChunkResult } from '../src/jobs/batch-chunk.ts';
import type { WaitMemo } from '../src/jobs/memo.ts';
import { createBatchPlan, type PackedPlan, type Piece } from './batch-plan.ts';
import { job } from './job.ts';

const pauseSignal = defineSignal('pauseSignal');
const resumeSignal = defineSignal('resumeSignal');

/** Chunks at work at once. */
const mostLanes = 4;
/** Messages a second that one chunk after the other gets done. */
const ratePerLane = 50;
/** How long a chunk works at the asked rate before it looks up: a pause takes effect as often. In seconds. */
const lookSeconds = 5;
/** Progress is told at most as often. */
const tellEveryMs = 2_000;
const longestRun = 4_000;

/** What a run leaves to the next one. */
interface Left {
  plan: PackedPlan;
  /** RFC 3339; null: it is not. */
  pausedSince: string | null;
  turns: (number | null)[];
}

/**
 * Works through a batch, chunk by chunk, some at a time. Who is refused for now is tried again in later rounds over the chunk;
 * a chunk that fails is tried again as a whole, and parks the job in the end: in each case only those without an outcome get
 * anything. A pause, the send window and a cancellation take effect between chunks.
 */
export const sendEmailBatch = job<BatchInput, BatchResult>(async ({ tenant, input }, context) => {
  const { stepWithin, step, rest, goOn, achieves, retry } = context;
  const { count, duplicates, offsets, window, ratePerSecond, eventsPerRun = longestRun } = input;
  const before = context.carried as Left | undefined;
  const plan = createBatchPlan(input, retry, before?.plan);
  let pausedSince = before?.pausedSince ?? null;
  const lanes = ratePerSecond === undefined ? mostLanes : Math.min(mostLanes, Math.max(1, Math.floor(ratePerSecond / ratePerLane)));
  const turns = Array.from({ length: lanes }, (_, lane) => before?.turns[lane] ?? null);
  let open = { opensAt: 0, closesAt: window === undefined ? Infinity : 0 };
  let told = { at: 0, text: '' };

  setHandler(pauseSignal, () => {
    pausedSince ??= new Date().toISOString();
  });
  setHandler(resumeSignal, () => {
    pausedSince = null;
  });
  const outcome = (): BatchResult => ({ recipients: count, ...plan.counts, duplicates });
  achieves(outcome);

  function tell(stage: string, waits: WaitMemo | null = null): void {
    const text = JSON.stringify([stage, waits]);
    if (text === told.text && Date.now() < told.at + tellEveryMs) return;
    told = { at: Date.now(), text };
    upsertMemo({ progress: { done: plan.done(), total: count, unit: 'recipients', stage }, waits });
  }

  const isCancelled = () => CancellationScope.current().consideredCancelled;
  const isLong = () => workflowInfo().continueAsNewSuggested || workflowInfo().historyLength >= eventsPerRun;
  const mayBegin = () => pausedSince === null && Date.now() < open.closesAt && !isLong() && !isCancelled();

  function callFor({ chunk, from, round, ...piece }: Piece, lane: number): ChunkCall {
    const { recipients, content, category, duplicatePolicy } = input;
    const [start, end] = [offsets[chunk] ?? 0, offsets[chunk + 1] ?? 0];
    const rate = ratePerSecond === undefined ? undefined : ratePerSecond / lanes;
    const pace = rate && { ratePerSecond: rate, nextTurn: turns[lane] ?? null, budget: Math.max(1, Math.floor(rate * lookSeconds)) };
    return {
      ...{ tenant, recipients, start, end, seq: chunk * 100, from, content, category, round },
      ...{ date: context.beganAt.toISOString(), last: plan.isLast({ chunk, from, round, ...piece }, Date.now()) },
      ...(duplicatePolicy !== undefined && { duplicatePolicy }),
      ...(pace && { pace }),
      ...(window && { until: new Date(open.closesAt).toISOString() }),
    };
  }

  async function sendAll(send: (call: ChunkCall & { route: Route }) => Promise<ChunkResult>): Promise<void> {
    const failures: unknown[] = [];
    async function work(lane: number): Promise<void> {
      while (mayBegin() && failures.length === 0) {
        const piece = plan.take(Date.now());
        if (piece === undefined) return;
        try {
          const result = await send({ ...callFor(piece, lane), route: { failedAt: {}, moves: 0 } });
          turns[lane] = result.nextTurn;
          plan.account(piece, result, Date.now());
          tell('sending');
        } catch (failure) {
          plan.putBack(piece);
          failures.push(failure);
        }
      }
    }
    tell('sending');
    await Promise.all(turns.map((_turn, lane) => work(lane)));
    if (failures.length > 0) throw failures.find((failure) => isCancellation(failure)) ?? failures[0];
  }

  /** Until then, or until somebody pauses or resumes it. */
  async function wait(stage: string, waits: WaitMemo, until?: number): Promise<void> {
    const paused = pausedSince;
    tell(stage, waits);
    await rest();
    const changed = () => pausedSince !== paused;
    if (until === undefined) await condition(changed);
    else await condition(changed, Math.max(1, until - Date.now()));
    turns.fill(null);
  }

  for (;;) {
    if (isCancelled()) throw new CancelledFailure('Cancelled');
    const due = plan.dueAt();
    if (due === undefined) break;
    if (isLong()) await goOn({ plan: plan.packed(), pausedSince, turns } satisfies Left);
    if (pausedSince !== null) {
      await wait('paused by hand', { for: 'resume', since: pausedSince });
      continue;
    }
    if (window !== undefined && Date.now() >= open.closesAt) {
      const { opensAt, closesAt } = await step('nextOpening')({ window });
      open = { opensAt: Date.parse(opensAt), closesAt: Date.parse(closesAt) };
    }
    const now = new Date();
    const since = now.toISOString();
    if (now.getTime() < open.opensAt)
      await wait('waiting for the send window', { for: 'window', since, until: new Date(open.opensAt).toISOString() }, open.opensAt);
    else if (now.getTime() < due)
      await wait('waiting for another try', { for: 'another try', since, until: new Date(due).toISOString(), chunks: plan.waiting() }, due);
    else await stepWithin('sendChunk', sendAll);
  }
  return outcome();
});
