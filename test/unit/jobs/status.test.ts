import { describe, expect, test } from '@jest/globals';

import { jobStatuses } from '../../../src/jobs/job.ts';
import { attemptOf, type JobFacts, lastFailureOf, progressOf, statusOf, type Step } from '../../../src/jobs/status.ts';

const lastFailure = { code: 'mail_refused_for_now', message: '451 later' } as const;
const progress = { done: 3, total: 9, unit: 'rows', stage: 'writing csv' };

const waiting: Step = { started: false, everStarted: false, attempt: 1 };
const busy: Step = { started: true, everStarted: true, attempt: 1 };
const failedOnce: Step = { started: false, everStarted: true, attempt: 2, lastFailure };
const again: Step = { started: true, everStarted: true, attempt: 2, lastFailure };
/** The worker died: Temporal gave the step back, with a new attempt. */
const lost: Step = { started: false, everStarted: true, attempt: 2 };
const lostAgain: Step = { started: true, everStarted: true, attempt: 2 };

const fresh: JobFacts = { state: 'RUNNING', cancelRequested: false, workflowTaskAttempt: 0, begun: true, stepFinished: false, steps: [] };

const table: [string, Partial<JobFacts>, string][] = [
  ['stored, no worker has seen it', { begun: false, workflowTaskAttempt: 1 }, 'queued'],
  ['stored, its first workflow task was lost once', { begun: false, workflowTaskAttempt: 2 }, 'queued'],
  ['its workflow task fails again and again', { begun: false, workflowTaskAttempt: 3 }, 'running'],
  ['its workflow task fails again and again, later on', { workflowTaskAttempt: 7, steps: [failedOnce] }, 'running'],
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
  ['cancelled before any worker', { begun: false, cancelRequested: true }, 'cancelling'],
  ['cancelled while it runs', { cancelRequested: true, steps: [busy] }, 'cancelling'],
  ['cancelled while it retries', { cancelRequested: true, steps: [failedOnce] }, 'cancelling'],
  ['done', { state: 'COMPLETED' }, 'completed'],
  ['done, and cancelled too late', { state: 'COMPLETED', cancelRequested: true }, 'completed'],
  ['failed', { state: 'FAILED' }, 'failed'],
  ['failed in its first workflow task, so no worker "has begun"', { state: 'FAILED', begun: false }, 'failed'],
  ['cancelled, its step still listed', { state: 'CANCELLED', cancelRequested: true, steps: [busy] }, 'cancelled'],
  ['terminated', { state: 'TERMINATED' }, 'failed'],
  ['out of time', { state: 'TIMED_OUT' }, 'failed'],
  ['paused by an operator', { state: 'PAUSED', steps: [waiting] }, 'queued'],
  ['paused by an operator in a later step', { state: 'PAUSED', stepFinished: true, steps: [waiting] }, 'running'],
];

describe('the status of a job', () => {
  test.each(table)('%s', (_when, facts, status) => {
    expect(statusOf({ ...fresh, ...facts })).toBe(status);
  });

  test('is in this table, whichever of them there is', () => {
    expect(new Set(table.map(([, , status]) => status))).toEqual(new Set(jobStatuses));
  });
});

describe('attempt', () => {
  test('is null without a step, else the highest', () => {
    expect(attemptOf(fresh)).toBeNull();
    expect(attemptOf({ ...fresh, steps: [busy, { ...failedOnce, attempt: 7 }, again] })).toBe(7);
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
