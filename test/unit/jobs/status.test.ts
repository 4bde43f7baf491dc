import { describe, expect, test } from '@jest/globals';

import { type JobStatus, jobStatuses } from '../../../src/jobs/job.ts';
import {
  type ExecutionState,
  isStuck,
  type JobFacts,
  lastFailureOf,
  leadingStep,
  nextAttemptOf,
  progressOf,
  statusOf,
  type Step,
} from '../../../src/jobs/status.ts';
import { begunFacts, stepOf } from '../../support/situations.ts';

const lastFailure = { code: 'mail_refused_for_now', message: '451 later' } as const;
const progress = { done: 3, total: 9, unit: 'rows', stage: 'writing csv' };
const now = Date.parse('2026-11-22T12:00:00Z');
const [past, future] = [new Date(now - 60_000), new Date(now + 60_000)];

const waiting = stepOf();
const busy = stepOf({ started: true, everStarted: true });
const failedOnce = stepOf({ everStarted: true, attempt: 2, lastFailure });
const again = stepOf({ started: true, everStarted: true, attempt: 2, lastFailure });
/** The worker died: Temporal gave the step back, with a new attempt. */
const lost = stepOf({ everStarted: true, attempt: 2 });
const lostAgain = stepOf({ started: true, everStarted: true, attempt: 2 });
/** An operator holds it back. */
const paused = stepOf({ paused: true });
const pausedAfterFailure = stepOf({ ...failedOnce, paused: true });

const unasked = { since: null, limit: null, again: false };
const inLine = { since: past, limit: 2, again: false };

const fresh = begunFacts;

const named: [string, Partial<JobFacts>, JobStatus][] = [
  ['stored, no worker has seen it', { begun: false, workflowTaskAttempt: 1 }, 'queued'],
  ['stored, its first workflow task was lost once', { begun: false, workflowTaskAttempt: 2 }, 'queued'],
  ['its workflow task fails again and again', { begun: false, workflowTaskAttempt: 3 }, 'running'],
  ['its workflow task fails again and again, later on', { workflowTaskAttempt: 7, steps: [failedOnce] }, 'running'],
  ['its start time lies ahead', { begun: false, handoffState: 'scheduled', startAt: future }, 'scheduled'],
  [
    'its start time lies ahead, and a worker has changed it',
    { begun: false, handoffState: 'scheduled', startAt: future, workflowTaskAttempt: 1 },
    'scheduled',
  ],
  ['its start time lies ahead by our clock, but its steps have begun', { startAt: future, steps: [busy] }, 'running'],
  ['its start time lies ahead by our clock, but no longer for its workflow', { startAt: future }, 'running'],
  ['its start time has come, and no worker', { begun: false, handoffState: 'scheduled', startAt: past }, 'queued'],
  ['its deadline has passed, and no worker has come', { begun: false, expiresAt: past }, 'expired'],
  ['its deadline lies ahead, and no worker has come', { begun: false, expiresAt: future }, 'queued'],
  ['its deadline has passed, but it had begun before', { expiresAt: past, steps: [busy] }, 'running'],
  ['its workflow ended because of the deadline', { state: 'FAILED', handoffState: 'expired', expiresAt: past }, 'expired'],
  ['its first step waits for a worker', { steps: [waiting] }, 'queued'],
  ['all its first steps wait for a worker', { steps: [waiting, waiting] }, 'queued'],
  ['one of its first steps has a worker', { steps: [waiting, busy] }, 'running'],
  ['its first step runs', { steps: [busy] }, 'running'],
  ['its second step waits for a worker', { stepFinished: true, steps: [waiting] }, 'running'],
  ['between two steps', { stepFinished: true }, 'running'],
  ['between the start and the first step', {}, 'running'],
  ['its step failed and waits', { steps: [failedOnce] }, 'retrying'],
  ['its step failed and waits, after a finished one', { stepFinished: true, steps: [failedOnce] }, 'retrying'],
  ['its step failed and runs again', { steps: [again] }, 'running'],
  ["its step's worker was lost, and it waits for another", { steps: [lost] }, 'retrying'],
  ["its step's worker was lost, and another has it", { steps: [lostAgain] }, 'running'],
  ['one step failed while another runs', { steps: [failedOnce, busy] }, 'running'],
  ['one step failed while another waits for a worker', { steps: [failedOnce, waiting] }, 'retrying'],
  ['an operator holds back its first step', { steps: [paused] }, 'queued'],
  ['an operator holds back its step after a failure', { steps: [pausedAfterFailure] }, 'retrying'],
  ['parked', { handoffState: 'dead_lettered', stepFinished: true }, 'dead_lettered'],
  ['parked, and cancelled', { handoffState: 'dead_lettered', cancelRequested: true }, 'cancelling'],
  ['cancelled before any worker', { begun: false, cancelRequested: true }, 'cancelling'],
  ['cancelled before its start time', { begun: false, cancelRequested: true, startAt: future }, 'cancelling'],
  ['cancelled while it runs', { cancelRequested: true, steps: [busy] }, 'cancelling'],
  ['cancelled while it retries', { cancelRequested: true, steps: [failedOnce] }, 'cancelling'],
  ['done', { state: 'COMPLETED' }, 'completed'],
  ['done, and cancelled too late', { state: 'COMPLETED', cancelRequested: true }, 'completed'],
  ['failed', { state: 'FAILED' }, 'failed'],
  ['failed in its first workflow task, so no worker "has begun"', { state: 'FAILED', begun: false }, 'failed'],
  ['cancelled, its step still listed', { state: 'CANCELLED', cancelRequested: true, steps: [busy] }, 'cancelled'],
  ['terminated', { state: 'TERMINATED' }, 'failed'],
  ['terminated while parked', { state: 'TERMINATED', handoffState: 'dead_lettered' }, 'failed'],
  ['out of time', { state: 'TIMED_OUT' }, 'failed'],
  ['under a limit, and has not asked for a place', { waitsForPlace: unasked }, 'queued'],
  ['under a limit, and asks for a place', { waitsForPlace: unasked, steps: [busy] }, 'queued'],
  ['under a limit, and cannot ask for a place', { waitsForPlace: unasked, steps: [failedOnce] }, 'retrying'],
  ['waits for a place', { waitsForPlace: inLine, expiresAt: future }, 'queued'],
  ['waits for a place, and its deadline has passed', { waitsForPlace: inLine, expiresAt: past }, 'expired'],
  ['waits for a place again, after it was parked', { waitsForPlace: { ...inLine, again: true }, expiresAt: past }, 'queued'],
  ['cancelled while it waits for a place', { waitsForPlace: inLine, cancelRequested: true }, 'cancelling'],
  ['under a limit, and parked', { waitsForPlace: inLine, handoffState: 'dead_lettered' }, 'dead_lettered'],
  ['ended while it waited for a place', { waitsForPlace: inLine, state: 'TERMINATED' }, 'failed'],
  ['under a limit, and scheduled', { waitsForPlace: unasked, handoffState: 'scheduled', startAt: future }, 'scheduled'],
  ['paused by an operator', { state: 'PAUSED', steps: [waiting] }, 'queued'],
  ['paused by an operator in a later step', { state: 'PAUSED', stepFinished: true, steps: [waiting] }, 'running'],
];

/** What is said of the pending steps of a job that works on them. */
const stepsOf: Record<string, { steps: Step[]; first: JobStatus; later: JobStatus }> = {
  'no step': { steps: [], first: 'running', later: 'running' },
  'a waiting step': { steps: [waiting], first: 'queued', later: 'running' },
  'a paused step': { steps: [paused], first: 'queued', later: 'running' },
  'a running step': { steps: [busy], first: 'running', later: 'running' },
  'a failed step': { steps: [failedOnce], first: 'retrying', later: 'retrying' },
  'a failed step, paused': { steps: [pausedAfterFailure], first: 'retrying', later: 'retrying' },
  'a failed step that runs again': { steps: [again], first: 'running', later: 'running' },
  'a lost step': { steps: [lost], first: 'retrying', later: 'retrying' },
  'a lost step that runs again': { steps: [lostAgain], first: 'running', later: 'running' },
  'a waiting and a running step': { steps: [waiting, busy], first: 'running', later: 'running' },
  'a failed and a waiting step': { steps: [failedOnce, waiting], first: 'retrying', later: 'retrying' },
  'a failed and a running step': { steps: [failedOnce, busy], first: 'running', later: 'running' },
  'a lost and a running step': { steps: [lost, busy], first: 'running', later: 'running' },
};

const ends: Partial<Record<ExecutionState, JobStatus>> = {
  COMPLETED: 'completed',
  FAILED: 'failed',
  CANCELLED: 'cancelled',
  TERMINATED: 'failed',
  TIMED_OUT: 'failed',
};

const states: ExecutionState[] = ['RUNNING', 'COMPLETED', 'FAILED', 'CANCELLED', 'TERMINATED', 'TIMED_OUT', 'CONTINUED_AS_NEW', 'PAUSED'];

interface Combination {
  state: ExecutionState;
  cancelRequested: boolean;
  handoffState: string | undefined;
  workflowTaskAttempt: number;
  begun: boolean;
  startAt: Date | null;
  expiresAt: Date | null;
  stepFinished: boolean;
  pending: string;
}

/** The rules, first that fits; what docs/http.md says, not how the code does it. */
const rules: [when: (c: Combination) => boolean, status: (c: Combination) => JobStatus | undefined][] = [
  [({ state, handoffState }) => state === 'FAILED' && handoffState === 'expired', () => 'expired'],
  [({ state }) => ends[state] !== undefined, ({ state }) => ends[state]],
  [({ cancelRequested }) => cancelRequested, () => 'cancelling'],
  [({ handoffState }) => handoffState === 'dead_lettered', () => 'dead_lettered'],
  [({ state, workflowTaskAttempt }) => state === 'RUNNING' && workflowTaskAttempt >= 3, () => 'running'],
  [({ handoffState, startAt }) => handoffState === 'scheduled' && startAt === future, () => 'scheduled'],
  [({ begun, expiresAt }) => !begun && expiresAt === past, () => 'expired'],
  [({ begun }) => !begun, () => 'queued'],
  [({ stepFinished }) => stepFinished, ({ pending }) => stepsOf[pending]?.later],
  [() => true, ({ pending }) => stepsOf[pending]?.first],
];

function* combinations(): Generator<Combination> {
  for (const state of states)
    for (const cancelRequested of [false, true])
      for (const handoffState of [undefined, 'scheduled', 'dead_lettered', 'expired'])
        for (const workflowTaskAttempt of [0, 1, 2, 3, 9])
          for (const begun of [false, true])
            for (const startAt of [null, past, future])
              for (const expiresAt of [null, past, future])
                for (const stepFinished of [false, true])
                  for (const pending of Object.keys(stepsOf))
                    yield { state, cancelRequested, handoffState, workflowTaskAttempt, begun, startAt, expiresAt, stepFinished, pending };
}

describe('the status of a job', () => {
  test.each(named)('%s', (_when, facts, status) => {
    expect(statusOf({ ...fresh, ...facts }, now)).toBe(status);
  });

  test('is one of these rows, whichever of them there is', () => {
    expect(new Set(named.map(([, , status]) => status))).toEqual(new Set(jobStatuses));
  });

  test('follows the rules for every combination of facts, and every rule is needed', () => {
    const wrong: unknown[] = [];
    const used = new Set<number>();
    let count = 0;
    for (const combination of combinations()) {
      const { pending, ...facts } = combination;
      const rule = rules.findIndex(([when]) => when(combination));
      used.add(rule);
      const expected = rules[rule]?.[1](combination);
      const found = statusOf({ ...facts, waitsForPlace: undefined, steps: stepsOf[pending]?.steps ?? [] }, now);
      count += 1;
      if (found !== expected) wrong.push({ ...combination, found, expected });
    }
    expect(wrong.slice(0, 3)).toEqual([]);
    expect(used.size).toBe(rules.length);
    expect(count).toBe(8 * 2 * 4 * 5 * 2 * 3 * 3 * 2 * Object.keys(stepsOf).length);
  });

  test('changes with the clock alone at the start time and at the deadline', () => {
    const scheduled = { ...fresh, begun: false, handoffState: 'scheduled', startAt: new Date(now) };
    expect([statusOf(scheduled, now - 1), statusOf(scheduled, now)]).toEqual(['scheduled', 'queued']);
    const expiring = { ...fresh, begun: false, expiresAt: new Date(now) };
    expect([statusOf(expiring, now), statusOf(expiring, now + 1)]).toEqual(['queued', 'expired']);
  });
});

describe('a job is stuck', () => {
  test('from the third attempt of a workflow task on, while its run is open', () => {
    const stuckAt = (workflowTaskAttempt: number, state: ExecutionState = 'RUNNING') => isStuck({ ...fresh, workflowTaskAttempt, state });
    expect([stuckAt(0), stuckAt(1), stuckAt(2), stuckAt(3), stuckAt(40)]).toEqual([false, false, false, true, true]);
    expect(stuckAt(3, 'TERMINATED')).toBe(false);
  });
});

describe('the leading step', () => {
  test('is none, or the one with the highest attempt', () => {
    const seventh = { ...failedOnce, attempt: 7 };
    expect(leadingStep(fresh)).toBeUndefined();
    expect(leadingStep({ ...fresh, steps: [busy, waiting] })).toBe(busy);
    expect(leadingStep({ ...fresh, steps: [busy, seventh, again] })).toBe(seventh);
  });
});

describe('the last failure', () => {
  test('is that of a step that failed, also while it runs again', () => {
    expect(lastFailureOf(fresh)).toBeNull();
    expect(lastFailureOf({ ...fresh, steps: [busy] })).toBeNull();
    expect(lastFailureOf({ ...fresh, steps: [busy, failedOnce] })).toBe(lastFailure);
    expect(lastFailureOf({ ...fresh, steps: [again] })).toBe(lastFailure);
  });
});

describe('the next attempt', () => {
  const at = (seconds: number, changes: Partial<Step> = {}) =>
    stepOf({ ...failedOnce, nextAttemptAt: new Date(now + seconds * 1000), ...changes });

  test('is the earliest of the steps that wait, not of those that run or are held back', () => {
    expect(nextAttemptOf({ ...fresh, steps: [waiting, busy] })).toBeNull();
    expect(nextAttemptOf({ ...fresh, steps: [at(1, { started: true }), at(2, { paused: true })] })).toBeNull();
    expect(nextAttemptOf({ ...fresh, steps: [at(9), at(5), at(1, { started: true }), at(2, { paused: true })] })).toEqual(
      new Date(now + 5_000),
    );
  });
});

describe('progress', () => {
  const plan = { done: 0, total: 3, unit: 'recipients', stage: 'sending' };

  test('is null before anything is known', () => {
    expect(progressOf(fresh, undefined)).toBeNull();
    expect(progressOf(fresh, plan)).toBeNull();
    expect(progressOf({ ...fresh, steps: [busy] }, undefined)).toBeNull();
  });

  test('is what the running step reported', () => {
    expect(progressOf({ ...fresh, steps: [waiting, { ...busy, progress }] }, undefined)).toEqual(progress);
  });

  test('is the number of finished steps for a job of many short ones', () => {
    expect(progressOf({ ...fresh, steps: [waiting, waiting, waiting] }, plan)).toEqual(plan);
    expect(progressOf({ ...fresh, steps: [busy] }, plan)).toEqual({ ...plan, done: 2 });
  });
});
