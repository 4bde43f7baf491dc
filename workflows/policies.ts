import type { RetryPolicy } from '@temporalio/common';
import { msToNumber } from '@temporalio/common/lib/time.js';
import { type ActivityOptions, proxyActivities, workflowInfo } from '@temporalio/workflow';

import type { Activities, ActivityGroupOf } from '../activities/index.ts';
import type { RetryOptions } from '../src/jobs/options.ts';

/** Nothing is left to a default that somebody would have to look up. */
type Policy<Group extends string> = ActivityOptions &
  Required<Pick<ActivityOptions, 'startToCloseTimeout' | 'scheduleToCloseTimeout' | 'heartbeatTimeout' | 'retry' | 'cancellationType'>> & {
    /** Its Task Queue is the workflow's own with `-<group>` behind it: only workers that serve the group poll that. */
    group: Group;
  };

/**
 * `WAIT_CANCELLATION_COMPLETED`: without it a cancelled job would close while its work goes on.
 * Heartbeat: without it a dead worker would be noticed only by Start-To-Close. 20 s bear a machine that stalls.
 */
const withEffect = { heartbeatTimeout: '20 seconds', cancellationType: 'WAIT_CANCELLATION_COMPLETED' } as const;

/** Every activity's time-outs and retries. They are part of workflow behaviour, hence code and not configuration. */
export const policies = {
  // A transaction may take minutes on a slow server (RFC 5321, 4.5.3.2); a server may refuse for hours (greylisting, a full disk).
  deliverEmail: {
    group: 'email',
    startToCloseTimeout: '10 minutes',
    scheduleToCloseTimeout: '24 hours',
    retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '10 minutes' },
    ...withEffect,
  },
  // Short: the database, and no more.
  prepareDelivery: {
    group: 'email',
    startToCloseTimeout: '1 minute',
    scheduleToCloseTimeout: '24 hours',
    retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '1 minute' },
    ...withEffect,
  },
  extractRows: {
    group: 'report',
    startToCloseTimeout: '6 hours',
    scheduleToCloseTimeout: '24 hours',
    retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '1 minute', maximumAttempts: 10 },
    ...withEffect,
  },
  renderReport: {
    group: 'report',
    startToCloseTimeout: '6 hours',
    scheduleToCloseTimeout: '24 hours',
    retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '1 minute', maximumAttempts: 10 },
    ...withEffect,
  },
  // Somebody waits for it; the longest setting is 60 s. Whoever has gone has it end by removing its workflow.
  previewRows: {
    group: 'report',
    startToCloseTimeout: '90 seconds',
    scheduleToCloseTimeout: '2 minutes',
    retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '10 seconds', maximumAttempts: 2 },
    ...withEffect,
  },
  // Fails closed: a scanner that is away for a while costs nothing but time.
  scanFile: {
    group: 'upload',
    startToCloseTimeout: '1 hour',
    scheduleToCloseTimeout: '24 hours',
    retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '30 seconds' },
    ...withEffect,
  },
  inspectImage: {
    group: 'upload',
    startToCloseTimeout: '10 minutes',
    scheduleToCloseTimeout: '24 hours',
    retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '1 minute', maximumAttempts: 10 },
    ...withEffect,
  },
  renderVariants: {
    group: 'upload',
    startToCloseTimeout: '1 hour',
    scheduleToCloseTimeout: '24 hours',
    retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '1 minute', maximumAttempts: 10 },
    ...withEffect,
  },
  readDocument: {
    group: 'upload',
    startToCloseTimeout: '1 hour',
    scheduleToCloseTimeout: '24 hours',
    retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '1 minute', maximumAttempts: 10 },
    ...withEffect,
  },
  // Bulk actions ask Temporal, which may be away, or overloaded by the very jobs that a redrive starts.
  countJobs: {
    group: 'operations',
    startToCloseTimeout: '1 minute',
    scheduleToCloseTimeout: '24 hours',
    retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '30 seconds' },
    ...withEffect,
  },
  selectJobs: {
    group: 'operations',
    startToCloseTimeout: '1 minute',
    scheduleToCloseTimeout: '24 hours',
    retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '30 seconds' },
    ...withEffect,
  },
  actOnJobs: {
    group: 'operations',
    startToCloseTimeout: '10 minutes',
    scheduleToCloseTimeout: '24 hours',
    retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '30 seconds' },
    ...withEffect,
  },
  // A hundred messages, at a rate perhaps; each may take as long as in deliverEmail. Who is refused for now does not make it fail.
  sendChunk: {
    group: 'bulk-email',
    startToCloseTimeout: '1 hour',
    scheduleToCloseTimeout: '24 hours',
    retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '10 minutes' },
    ...withEffect,
  },
  // Of all tenants. What can't be done is left to the next hour.
  expireFiles: {
    group: 'operations',
    startToCloseTimeout: '1 hour',
    scheduleToCloseTimeout: '12 hours',
    retry: { initialInterval: '10 seconds', backoffCoefficient: 2, maximumInterval: '5 minutes', maximumAttempts: 5 },
    ...withEffect,
  },
  sweepStorage: {
    group: 'operations',
    startToCloseTimeout: '6 hours',
    scheduleToCloseTimeout: '12 hours',
    retry: { initialInterval: '10 seconds', backoffCoefficient: 2, maximumInterval: '5 minutes', maximumAttempts: 5 },
    ...withEffect,
  },
  sweepDeliveries: {
    group: 'operations',
    startToCloseTimeout: '1 hour',
    scheduleToCloseTimeout: '12 hours',
    retry: { initialInterval: '10 seconds', backoffCoefficient: 2, maximumInterval: '5 minutes', maximumAttempts: 5 },
    ...withEffect,
  },
  nextOpening: {
    group: 'limits',
    startToCloseTimeout: '1 minute',
    scheduleToCloseTimeout: '24 hours',
    retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '30 seconds' },
    ...withEffect,
  },
  // Short, and a job stands still meanwhile. Temporal or the database may be away.
  askForPlace: {
    group: 'limits',
    startToCloseTimeout: '1 minute',
    scheduleToCloseTimeout: '24 hours',
    retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '30 seconds' },
    ...withEffect,
  },
  checkPlaces: {
    group: 'limits',
    startToCloseTimeout: '1 minute',
    scheduleToCloseTimeout: '24 hours',
    retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '30 seconds' },
    ...withEffect,
  },
} satisfies { [Name in keyof Activities]: Policy<ActivityGroupOf<Name>> };

export type StepName = keyof Activities;

export interface CallOptions {
  /** What the Web UI shows beside it (no personal data). */
  summary: string | undefined;
  /** Of the job: takes precedence over the policy. */
  retry: RetryOptions | undefined;
  /** 1 first … 5 last. Default: the job's own. */
  priority?: number | undefined;
  /** In milliseconds. */
  scheduleToStartTimeout: number | undefined;
  /** Of its group, when it is not the first one. */
  lane?: string | undefined;
  /** Milliseconds that it has already had, on other lanes. */
  spentMs?: number | undefined;
  /** In milliseconds. Default: the policy's. */
  scheduleToCloseTimeout?: number | undefined;
}

/** However much was spent elsewhere, in milliseconds. */
const leastTimeLeft = 60_000;

/** Seconds of the HTTP contract as Temporal's Retry Policy, which refuses a longest interval below the first one. */
export function retryOf(policy: RetryPolicy, asked: RetryOptions | undefined): RetryPolicy {
  if (asked === undefined) return policy;
  const { maximumAttempts, initialIntervalSeconds, backoffCoefficient, maximumIntervalSeconds } = asked;
  const [initial, maximum] = [inMs(initialIntervalSeconds), inMs(maximumIntervalSeconds)];
  return {
    ...policy,
    ...(maximumAttempts !== undefined && { maximumAttempts }),
    ...(backoffCoefficient !== undefined && { backoffCoefficient }),
    // What was asked for wins over the policy.
    initialInterval: initial ?? Math.min(msToNumber(policy.initialInterval ?? '1 second'), maximum ?? Infinity),
    maximumInterval: Math.max(maximum ?? msToNumber(policy.maximumInterval ?? '1 minute'), initial ?? 0),
  };
}

const inMs = (seconds: number | undefined) => (seconds === undefined ? undefined : Math.round(seconds * 1000));

/** How many attempts a step has; undefined: as many as its time allows. */
export function maximumAttemptsOf(name: StepName, retry: RetryOptions | undefined): number | undefined {
  return retry?.maximumAttempts ?? (policies[name].retry as RetryPolicy).maximumAttempts;
}

/** One activity under its policy. */
export function activity<Name extends StepName>(
  name: Name,
  { summary, retry, priority, scheduleToStartTimeout, scheduleToCloseTimeout, lane, spentMs }: CallOptions,
): Activities[Name] {
  const { group, ...policy }: Policy<string> = policies[name];
  const wholeTime = scheduleToCloseTimeout ?? policy.scheduleToCloseTimeout;
  const taskQueue = `${workflowInfo().taskQueue}-${group}${lane === undefined ? '' : `-${lane}`}`;
  return proxyActivities<Activities>({
    ...policy,
    retry: retryOf(policy.retry, retry),
    taskQueue,
    ...(summary !== undefined && { summary }),
    // Fairness stays the job's: the server takes from there what is left out here.
    ...(priority !== undefined && { priority: { priorityKey: priority } }),
    ...(scheduleToStartTimeout !== undefined && { scheduleToStartTimeout }),
    scheduleToCloseTimeout: spentMs === undefined ? wholeTime : Math.max(msToNumber(wholeTime) - spentMs, leastTimeLeft),
  })[name];
}
