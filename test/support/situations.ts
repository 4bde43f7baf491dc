import { type Explanation } from '../../src/jobs/explanation.ts';
import { explain, queuesOf, type Situation } from '../../src/jobs/explain.ts';
import type { DeadLetter, Job } from '../../src/jobs/job.ts';
import type { QueueFacts } from '../../src/jobs/queue-facts.ts';
import { type ExecutionState, isStuck, type JobFacts, statusOf, type Step } from '../../src/jobs/status.ts';

export const now = Date.parse('2026-11-22T12:00:00Z');

/** So many seconds from now. */
export const at = (seconds: number): Date => new Date(now + seconds * 1000);

export const failed = { code: 'mail_refused_for_now', message: '421 try later' } as const;

export function stepOf(changes: Partial<Step> = {}): Step {
  return {
    id: '1',
    name: 'deliverEmail',
    taskQueue: 'handoff-email',
    started: false,
    everStarted: false,
    paused: false,
    attempt: 1,
    maximumAttempts: null,
    heartbeatTimeoutMs: 20_000,
    scheduledAt: at(-5),
    ...changes,
  };
}

export const waiting: Partial<Step> = {};
export const held: Partial<Step> = { started: true, everStarted: true, startedAt: at(-4), lastHeartbeatAt: at(-1) };
export const retrying: Partial<Step> = { everStarted: true, attempt: 4, lastFailure: failed, nextAttemptAt: at(60) };

/** Of the Task Queue of e-mail activities, in good order and empty. */
export function queueOf(changes: Partial<QueueFacts> = {}): QueueFacts {
  return {
    name: 'handoff-email',
    kind: 'activity',
    served: true,
    lastPolledAt: at(-1),
    backlog: new Map(),
    dispatchRate: 0,
    rateLimit: null,
    limitedSince: null,
    limiting: false,
    ...changes,
  };
}

export const deadLetter: DeadLetter = {
  step: 'deliverEmail',
  reasonClass: 'transient',
  error: failed,
  attempts: 5,
  redrives: 1,
  since: at(-600),
  closesAt: at(86_400),
};

/** Of a job that a worker has begun, with nothing else to tell. */
export const begunFacts: JobFacts = {
  state: 'RUNNING',
  cancelRequested: false,
  handoffState: undefined,
  startAt: null,
  expiresAt: null,
  workflowTaskAttempt: 0,
  begun: true,
  waitsForPlace: undefined,
  stepFinished: false,
  steps: [],
};

/** What the reader would make of the facts, and queues in good order unless told otherwise. */
export function factsOf(changes: Partial<JobFacts> = {}, jobChanges: Partial<Job> = {}, queues?: readonly QueueFacts[]): Situation {
  const facts = { ...begunFacts, ...changes };
  const status = statusOf(facts, now);
  const ended = facts.state !== 'RUNNING' && facts.state !== 'PAUSED';
  const job: Job = {
    id: 'email_favhp5ge2rm62zof2zj3sgeyag',
    type: 'email',
    workflow: 'sendEmail',
    status,
    createdAt: at(-10),
    startAt: facts.startAt,
    expiresAt: facts.expiresAt,
    startedAt: null,
    finishedAt: ended ? at(-2) : null,
    attempt: null,
    maximumAttempts: null,
    nextAttemptAt: null,
    progress: null,
    result: null,
    error: status === 'failed' ? failed : null,
    stuck: isStuck(facts) ? { reason: 'The code is wrong.' } : null,
    deadLetter: status === 'dead_lettered' ? deadLetter : null,
    notes: [],
    priority: 3,
    labels: {},
    ...jobChanges,
  };
  const situation = { job, facts, now };
  return { ...situation, queues: queues ?? queuesOf(situation, 'handoff').map((queue) => queueOf(queue)) };
}

const states: ExecutionState[] = ['RUNNING', 'PAUSED', 'COMPLETED', 'FAILED', 'CANCELLED'];

const pending: Step[][] = [
  [],
  [stepOf(waiting)],
  [stepOf(held)],
  [stepOf({ ...held, progress: { done: 1, total: null, unit: 'rows', stage: 'rendering' } })],
  [stepOf({ ...held, lastHeartbeatAt: at(-15) })],
  [stepOf({ ...held, heartbeatTimeoutMs: null })],
  [stepOf(retrying)],
  [stepOf({ ...retrying, nextAttemptAt: at(-1) })],
  [stepOf({ ...retrying, paused: true })],
  [stepOf(retrying), stepOf(waiting), stepOf(held)],
];

const conditions: Partial<QueueFacts>[] = [
  {},
  { served: false, lastPolledAt: null },
  { rateLimit: 0, limitedSince: at(-9) },
  { rateLimit: 1, limiting: true },
  { backlog: new Map([[3, 9]]), dispatchRate: 1 },
];

const moments: Partial<JobFacts>[] = [
  {},
  { handoffState: 'scheduled', startAt: at(60), expiresAt: at(90) },
  { handoffState: 'dead_lettered' },
  { handoffState: 'expired', expiresAt: at(-1) },
  { expiresAt: at(90) },
  { expiresAt: at(90), waitsForPlace: { since: at(-3), limit: 2, again: false } },
  { expiresAt: at(-1) },
  { waits: { for: 'resume', since: at(-3).toISOString() } },
  { waits: { for: 'window', since: at(-3).toISOString(), until: at(60).toISOString() } },
  { waits: { for: 'another try', since: at(-3).toISOString(), until: at(60).toISOString(), chunks: 2 } },
];

function* combinations(): Generator<Explanation> {
  for (const state of states)
    for (const cancelRequested of [false, true])
      for (const moment of moments)
        for (const workflowTaskAttempt of [0, 1, 4])
          for (const begun of [false, true])
            for (const steps of pending)
              for (const condition of conditions) {
                const situation = factsOf({ state, cancelRequested, workflowTaskAttempt, begun, steps, ...moment });
                yield explain({ ...situation, queues: situation.queues.map((queue) => ({ ...queue, ...condition })) });
              }
}

/** The explanations of very many jobs: every combination of what decides. */
export const explained: readonly Explanation[] = [...combinations()];
