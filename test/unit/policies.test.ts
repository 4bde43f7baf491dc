import { describe, expect, test } from '@jest/globals';
import { msToNumber } from '@temporalio/common/lib/time.js';

import { type ActivityDependencies, createActivities } from '../../activities/index.ts';
import { workflowTaskQueue } from '../../src/jobs/client.ts';
import { activityQueues, groups } from '../../src/worker.ts';
import { policies } from '../../workflows/policies.ts';

// Only the names are looked at: nothing is called.
const unused = {} as ActivityDependencies[keyof ActivityDependencies];
const activities = createActivities({ email: unused, report: unused, upload: unused } as ActivityDependencies);
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
    expect(activityQueues).toEqual(groups.map((group) => `handoff-${group}`));
    expect(Object.keys(activities).sort()).toEqual([...groups].sort());
  });

  test('of activities are never the one of the workflows: eager activities would pass by priorities and limits', () => {
    expect(activityQueues).not.toContain(workflowTaskQueue);
  });

  test('have a policy for every registered activity', () => {
    const registered = Object.values(activities).flatMap((group) => Object.keys(group));
    expect(table.map(([name]) => name).sort()).toEqual(registered.sort());
  });
});
