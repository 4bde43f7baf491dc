import { describe, expect, test } from '@jest/globals';
import { msToNumber } from '@temporalio/common/lib/time.js';

import { type ActivityDependencies, createActivities } from '../../activities/index.ts';
import { workflowTaskQueue } from '../../src/jobs/client.ts';
import { activityQueuesOf, groups } from '../../src/worker.ts';
import { furtherLanes } from '../../src/mail-providers.ts';
import type { RetryOptions } from '../../src/jobs/options.ts';
import { maximumAttemptsOf, policies, retryOf } from '../../workflows/policies.ts';

// Only the names are looked at: nothing is called.
const unused = {} as ActivityDependencies[keyof ActivityDependencies];
const activities = createActivities({
  email: unused,
  'bulk-email': unused,
  report: unused,
  upload: unused,
  operations: unused,
  limits: unused,
} as ActivityDependencies);
const table = Object.entries(policies);

describe.each(table)('the policy of %s', (name, policy) => {
  const duration = (value: Parameters<typeof msToNumber>[0]) => msToNumber(value);

  test('has every time-out, a Retry Policy and a cancellation type, and leaves nothing to defaults', () => {
    for (const option of ['startToCloseTimeout', 'scheduleToCloseTimeout', 'heartbeatTimeout'] as const)
      expect(duration(policy[option])).toBeGreaterThan(0);
    expect(policy.cancellationType).toBe('WAIT_CANCELLATION_COMPLETED');
    expect(duration(policy.retry.initialInterval)).toBeGreaterThan(0);
    expect(duration(policy.retry.maximumInterval)).toBeGreaterThanOrEqual(duration(policy.retry.initialInterval));
    expect(policy.retry.backoffCoefficient).toBeGreaterThan(1);
  });

  test('fits together: a heartbeat ends sooner than an attempt, an attempt sooner than the whole', () => {
    expect(duration(policy.heartbeatTimeout)).toBeLessThan(duration(policy.startToCloseTimeout));
    expect(duration(policy.startToCloseTimeout)).toBeLessThan(duration(policy.scheduleToCloseTimeout));
  });

  test('sends it to workers that have it', () => {
    expect(Object.keys(activities[policy.group])).toContain(name);
  });
});

describe('the Task Queues', () => {
  test('of activities are those that a worker serves, one a group', () => {
    expect(new Set(table.map(([, { group }]) => group))).toEqual(new Set(groups));
    expect(activityQueuesOf(workflowTaskQueue)).toEqual(groups.map((group) => `handoff-${group}`));
    expect(Object.keys(activities).sort()).toEqual([...groups].sort());
  });

  test('of further mail providers end in their names, beside the first one, which has the Task Queue of the group', () => {
    const further = furtherLanes([{ name: 'main' }, { name: 'spare' }, { name: 'old' }]);
    const added = activityQueuesOf('handoff', further).filter((name) => !activityQueuesOf('handoff').includes(name));
    expect(added).toEqual(expect.arrayContaining(['handoff-email-spare', 'handoff-email-old']));
    expect(added.join()).not.toContain('main');
  });

  test('of activities are never the one of the workflows: eager activities would pass by priorities and limits', () => {
    expect(activityQueuesOf(workflowTaskQueue)).not.toContain(workflowTaskQueue);
  });

  test('let a job ask for its place while bulk actions and steps are busy', () => {
    // They take a moment, whatever else there is to do.
    const short = ['askForPlace', 'checkPlaces', 'nextOpening'];
    const others = table.filter(([name]) => !short.includes(name)).map(([, { group }]) => group as string);
    expect(others).not.toContain(policies.askForPlace.group);
  });

  test('have a policy for every registered activity', () => {
    const registered = Object.values(activities).flatMap((group) => Object.keys(group));
    expect(table.map(([name]) => name).sort()).toEqual(registered.sort());
  });
});

describe('the Retry Policy that a job asks for', () => {
  const policy = { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '1 minute', maximumAttempts: 10 } as const;

  test('is that of the step where the job asks for nothing', () => {
    expect(retryOf(policy, undefined)).toBe(policy);
    expect(retryOf(policy, {})).toEqual({ ...policy, initialInterval: 1_000, maximumInterval: 60_000 });
  });

  test.each<[string, RetryOptions, object]>([
    ['attempts', { maximumAttempts: 1 }, { maximumAttempts: 1, initialInterval: 1_000, maximumInterval: 60_000 }],
    ['a coefficient', { backoffCoefficient: 1 }, { backoffCoefficient: 1, initialInterval: 1_000, maximumInterval: 60_000 }],
    [
      'the shortest intervals',
      { initialIntervalSeconds: 0.1, maximumIntervalSeconds: 0.1 },
      { initialInterval: 100, maximumInterval: 100 },
    ],
    [
      'the longest intervals',
      { initialIntervalSeconds: 3_600, maximumIntervalSeconds: 86_400 },
      { initialInterval: 3_600_000, maximumInterval: 86_400_000 },
    ],
    [
      'a first interval above the longest of the step',
      { initialIntervalSeconds: 3_600 },
      { initialInterval: 3_600_000, maximumInterval: 3_600_000 },
    ],
    ['a longest interval below the first of the step', { maximumIntervalSeconds: 0.5 }, { initialInterval: 500, maximumInterval: 500 }],
    ['a longest interval alone', { maximumIntervalSeconds: 5 }, { initialInterval: 1_000, maximumInterval: 5_000 }],
    ['fractions of a millisecond', { initialIntervalSeconds: 0.1234567 }, { initialInterval: 123, maximumInterval: 60_000 }],
  ])('%s: takes precedence over that of the step, and the longest interval is never below the first', (_name, asked, expected) => {
    expect(retryOf(policy, asked)).toEqual({ ...policy, ...expected });
  });

  test('of the step counts where the job names no number of attempts', () => {
    expect(maximumAttemptsOf('renderReport', undefined)).toBe(10);
    expect(maximumAttemptsOf('renderReport', { maximumAttempts: 3 })).toBe(3);
    expect(maximumAttemptsOf('deliverEmail', { initialIntervalSeconds: 5 })).toBeUndefined();
  });
});
