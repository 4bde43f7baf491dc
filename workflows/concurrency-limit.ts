import {
  CancellationScope,
  condition,
  continueAsNew,
  defineQuery,
  defineSignal,
  getExternalWorkflowHandle,
  setHandler,
  sleep,
  workflowInfo,
} from '@temporalio/workflow';

import type { Acquire, LimitArgs, NewLimit, Release, Standing } from '../src/jobs/concurrency.ts';
import { createLine, type Grant, lastPriority } from './line.ts';
import { activity } from './policies.ts';

// These may also come by hand, from Temporal's CLI and Web UI, with whatever was typed: an error here would stop it for good.
const acquireSignal = defineSignal<[(Partial<Acquire> | null)?]>('acquireSignal');
const releaseSignal = defineSignal<[(Partial<Release> | null)?]>('releaseSignal');
const limitSignal = defineSignal<[(Partial<NewLimit> | null)?]>('limitSignal');
const standingQuery = defineQuery<Standing, [string]>('standingQuery');

/** With nobody at work and nobody waiting it ends; the next job starts it anew. */
const idleMs = 10_000;
/** Pauses between looks at those who have a place; growing while all is well. */
const [shortestPauseMs, longestPauseMs] = [5_000, 30_000];
/** A place that was just given is not looked at. */
const youngMs = 3_000;
/** Places that are looked at in one go. */
const checkedAtOnce = 50;
/** Jobs that are being told at the same time; Temporal bears 2,000. */
const toldAtOnce = 100;

/**
 * A limit on how many jobs of one type a tenant has at work at once: jobs ask it for a place and give it back. It lasts for as
 * long as somebody is at work or waits. A cancellation does not touch it, since jobs rely on it.
 */
export function concurrencyLimit(args: LimitArgs, ...carried: string[]): Promise<void> {
  return CancellationScope.nonCancellable(() => keeping(args, carried));
}

async function keeping({ tenant, type, limit, eventsPerRun }: LimitArgs, carried: string[]): Promise<void> {
  const { workflowId } = workflowInfo();
  const tag = workflowId.slice(workflowId.indexOf('_') + 1).slice(0, 6);
  const line = createLine({ prefix: `${type}_${tag}`, limit: limit ?? Infinity, carried, now: Date.now() });
  const telling = new Set<Promise<void>>();

  function change(to: unknown): void {
    if (to === null) line.limit = Infinity;
    else if (typeof to === 'number' && to >= 0) line.limit = to;
  }
  setHandler(acquireSignal, (asked) => {
    change(asked?.limit);
    if (typeof asked?.job === 'string') line.acquire(asked.job, typeof asked.priority === 'number' ? asked.priority : lastPriority);
  });
  setHandler(releaseSignal, (given) => {
    if (typeof given?.job === 'string') line.release(given.job);
  });
  setHandler(limitSignal, (asked) => {
    change(asked?.limit);
  });
  setHandler(standingQuery, (job) => line.standingOf(job));

  /** Who can't be told has ended. */
  function tell(grant: Grant): void {
    const told: Promise<void> = getExternalWorkflowHandle(grant.job)
      .signal('placeSignal')
      .catch(() => {
        line.takeBack(grant);
      })
      .finally(() => telling.delete(told));
    telling.add(told);
  }

  /** While somebody waits: takes places back from jobs that ended without a word, and learns of a limit that nobody told. */
  async function lookAfter(): Promise<never> {
    const check = activity('checkPlaces', { summary: undefined, retry: undefined, scheduleToStartTimeout: undefined });
    for (let pause = shortestPauseMs; ;) {
      await condition(() => line.waiting > 0);
      await sleep(pause);
      if (line.waiting === 0) {
        pause = shortestPauseMs;
        continue;
      }
      const held = line.heldSince(Date.now() - youngMs, checkedAtOnce);
      try {
        const { limit: now, gone } = await check({ tenant, type, jobs: held.map(({ job }) => job) });
        change(now);
        for (const grant of held) if (gone.includes(grant.job)) line.takeBack(grant);
        pause = gone.length > 0 ? shortestPauseMs : Math.min(2 * pause, longestPauseMs);
      } catch {
        // Not for a whole day: it goes on with what it knows.
      }
    }
  }

  const isLong = () => workflowInfo().continueAsNewSuggested || workflowInfo().historyLength >= (eventsPerRun ?? Infinity);
  const canTell = () => telling.size < toldAtOnce && line.hasNext();
  const isIdle = () => telling.size === 0 && line.holding === 0 && line.waiting === 0;

  async function handOut(): Promise<void> {
    for (;;) {
      if (isLong()) {
        await condition(() => telling.size === 0);
        const now = Number.isFinite(line.limit) ? line.limit : null;
        const next = { tenant, type, limit: now, ...(eventsPerRun !== undefined && { eventsPerRun }) };
        await continueAsNew<typeof concurrencyLimit>(next, ...line.carried());
      }
      while (canTell()) {
        const grant = line.next(Date.now());
        if (grant !== undefined) tell(grant);
      }
      // A signal that comes while it ends makes Temporal run this once more: it must look again, whatever woke it.
      if (isIdle()) await condition(() => !isIdle(), idleMs);
      if (isIdle()) return;
      await condition(() => canTell() || isLong() || isIdle());
    }
  }
  await Promise.race([handOut(), lookAfter()]);
}
