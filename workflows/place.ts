import {
  CancellationScope,
  condition,
  defineSignal,
  getExternalWorkflowHandle,
  isCancellation,
  setHandler,
  upsertMemo,
  workflowInfo,
} from '@temporalio/workflow';

import type { PlaceMemo, Release } from '../src/jobs/concurrency.ts';
import type { Continued } from '../src/jobs/definition.ts';
import { activity } from './policies.ts';
import { expired } from './start-time.ts';

const placeSignal = defineSignal('placeSignal');
const releaseSignal = defineSignal<[Release]>('releaseSignal');

/** A job that hears nothing asks again: its limit may have been ended by force, or may know too many jobs already. */
const [firstPatienceMs, longestPatienceMs] = [5 * 60_000, 40 * 60_000];

export interface Turn {
  /** 1 first … 5 last. Default 3. */
  priority: number | undefined;
  /** Milliseconds since 1970: it must have a place by then. */
  deadline: number | undefined;
}

/** A job's place under a limit on concurrent jobs. */
export interface Place {
  /** Runs with a place; waits for one before, unless the job has one. @throws as failure of the job, when that took too long. */
  during: <T>(turn: Turn, run: () => Promise<T>) => Promise<T>;
  /** Gives it back for a while, unless something still runs with it. */
  rest: () => Promise<void>;
  /** Gives it back, or leaves the line; also when the job is cancelled. */
  leave: () => Promise<void>;
  /** For a run that goes on with the job, and has the place then. */
  carried: () => NonNullable<Continued['place']>;
}

/** Call it before the first await of the workflow. @param limitedBy Workflow Id of the limit. @param before of the run before. */
export function createPlace(tenant: string, limitedBy: string, before?: Continued['place']): Place {
  let state: 'away' | 'waiting' | 'placed' = before?.placed === true ? 'placed' : 'away';
  const hasPlace = () => state === 'placed';
  /** The limit may count us. */
  let counted = before?.placed === true;
  let taking: Promise<void> | undefined;
  let running = 0;
  let firstAt = before?.firstAt;

  setHandler(placeSignal, async () => {
    counted = true;
    if (state === 'waiting') state = 'placed';
    // An answer to a question that was given up.
    else if (state === 'away') await leave();
  });

  function tell(waiting: Pick<PlaceMemo, 'since' | 'limit'>): void {
    const place: PlaceMemo = { ...(firstAt !== undefined && { firstAt }), ...waiting };
    upsertMemo({ place });
  }

  async function ask({ priority, deadline }: Turn): Promise<number | null> {
    const timeLeft = deadline === undefined ? undefined : Math.max(1, deadline - Date.now());
    const call = activity('askForPlace', { summary: undefined, retry: undefined, priority, scheduleToStartTimeout: timeLeft });
    try {
      counted = true;
      const { limit } = await call({ tenant, limitedBy, ...(priority !== undefined && { priority }) });
      return limit;
    } catch (failure) {
      // Whatever else was wrong: it has not begun in time.
      if (!isCancellation(failure) && deadline !== undefined && Date.now() >= deadline) throw expired();
      throw failure;
    }
  }

  async function take(turn: Turn): Promise<void> {
    const since = new Date().toISOString();
    const timeLeft = () => (turn.deadline === undefined ? Infinity : turn.deadline - Date.now());
    state = 'waiting';
    let told: number | undefined;
    for (let patience = firstPatienceMs; !hasPlace(); patience = Math.min(2 * patience, longestPatienceMs)) {
      const limit = await ask(turn);
      if (limit === null) state = 'placed';
      else if (!hasPlace()) {
        if (limit !== told) tell({ since, limit });
        told = limit;
        await condition(hasPlace, Math.max(1, Math.min(patience, timeLeft())));
      }
      if (timeLeft() <= 0) throw expired();
    }
    firstAt ??= new Date().toISOString();
    tell({});
  }

  async function leave(): Promise<void> {
    state = 'away';
    if (!counted) return;
    counted = false;
    const limit = getExternalWorkflowHandle(limitedBy);
    // It fails when there is no limit any more to give the place back to.
    await CancellationScope.nonCancellable(() => limit.signal(releaseSignal, { job: workflowInfo().workflowId })).catch(() => undefined);
  }

  return {
    async during(turn, run) {
      running += 1;
      try {
        if (!hasPlace())
          await (taking ??= take(turn).finally(() => {
            taking = undefined;
          }));
        return await run();
      } finally {
        running -= 1;
      }
    },
    rest: async () => {
      if (running === 0) await leave();
    },
    leave,
    carried: () => ({ placed: hasPlace(), ...(firstAt !== undefined && { firstAt }) }),
  };
}
