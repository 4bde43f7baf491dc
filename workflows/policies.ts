import { type ActivityOptions, proxyActivities } from '@temporalio/workflow';

import type { Activities } from '../activities/index.ts';

/** Nothing is left to a default that somebody would have to look up. */
type Policy = ActivityOptions &
  Required<
    Pick<
      ActivityOptions,
      'taskQueue' | 'startToCloseTimeout' | 'scheduleToCloseTimeout' | 'heartbeatTimeout' | 'retry' | 'cancellationType'
    >
  >;

/**
 * `WAIT_CANCELLATION_COMPLETED`: without it a cancelled job would close while its work goes on.
 * Heartbeat: without it a dead worker would be noticed only by Start-To-Close. 20 s bear a machine that stalls.
 */
const withEffect = { heartbeatTimeout: '20 seconds', cancellationType: 'WAIT_CANCELLATION_COMPLETED' } as const;

/** Every activity's time-outs and retries. They are part of workflow behaviour, hence code and not configuration. */
export const policies = {
  // A transaction may take minutes on a slow server (RFC 5321, 4.5.3.2); a server may refuse for hours (greylisting, a full disk).
  deliverEmail: {
    taskQueue: 'handoff-email',
    startToCloseTimeout: '10 minutes',
    scheduleToCloseTimeout: '24 hours',
    retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '10 minutes' },
    ...withEffect,
  },
  renderReport: {
    taskQueue: 'handoff-report',
    startToCloseTimeout: '6 hours',
    scheduleToCloseTimeout: '24 hours',
    retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '1 minute', maximumAttempts: 10 },
    ...withEffect,
  },
  inspectImage: {
    taskQueue: 'handoff-upload',
    startToCloseTimeout: '10 minutes',
    scheduleToCloseTimeout: '24 hours',
    retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '1 minute', maximumAttempts: 10 },
    ...withEffect,
  },
  renderVariants: {
    taskQueue: 'handoff-upload',
    startToCloseTimeout: '1 hour',
    scheduleToCloseTimeout: '24 hours',
    retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '1 minute', maximumAttempts: 10 },
    ...withEffect,
  },
} satisfies Record<keyof Activities, Policy>;

/** One activity under its policy; `summary` is what the Web UI shows beside it (no personal data). */
export function activity<Name extends keyof Activities>(name: Name, summary?: string): Activities[Name] {
  const policy: Policy = policies[name];
  return proxyActivities<Activities>(summary === undefined ? policy : { ...policy, summary })[name] as Activities[Name];
}
