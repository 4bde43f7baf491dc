import { type ActivityOptions, proxyActivities, workflowInfo } from '@temporalio/workflow';

import type { Activities, ActivityGroupOf } from '../activities/index.ts';

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
  renderReport: {
    group: 'report',
    startToCloseTimeout: '6 hours',
    scheduleToCloseTimeout: '24 hours',
    retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '1 minute', maximumAttempts: 10 },
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
} satisfies { [Name in keyof Activities]: Policy<ActivityGroupOf<Name>> };

/** One activity under its policy; `summary` is what the Web UI shows beside it (no personal data). */
export function activity<Name extends keyof Activities>(name: Name, summary?: string): Activities[Name] {
  const { group, ...policy }: Policy<string> = policies[name];
  const taskQueue = `${workflowInfo().taskQueue}-${group}`;
  return proxyActivities<Activities>({ ...policy, taskQueue, ...(summary !== undefined && { summary }) })[name];
}
