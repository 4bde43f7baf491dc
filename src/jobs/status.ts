import type { JobError, JobStatus } from './job.ts';
import type { WaitMemo, WaitsForPlace } from './memo.ts';
import type { Progress } from './progress.ts';

/** `WorkflowExecutionStatus`, as the SDK names it. */
export type ExecutionState = 'RUNNING' | 'COMPLETED' | 'FAILED' | 'CANCELLED' | 'TERMINATED' | 'TIMED_OUT' | 'CONTINUED_AS_NEW' | 'PAUSED';

/** A pending activity. */
export interface Step {
  /** Temporal's Activity Id, for commands that concern it. */
  id: string;
  /** Activity Type. */
  name: string;
  taskQueue: string | undefined;
  /** A worker has it right now. */
  started: boolean;
  /** A worker has had it at least once. */
  everStarted: boolean;
  /** Held back by an operator (`temporal activity pause`). */
  paused: boolean;
  /** While waiting, the number of the next attempt. */
  attempt: number;
  /** null: as many as its time allows. */
  maximumAttempts: number | null;
  /** In milliseconds; null: its work sends none. */
  heartbeatTimeoutMs: number | null;
  /** When it was put into its queue, for the present attempt. */
  scheduledAt?: Date;
  /** Of the present or last attempt. */
  startedAt?: Date;
  lastHeartbeatAt?: Date;
  /** While waiting after a failure. */
  nextAttemptAt?: Date;
  lastFailure?: JobError;
  progress?: Progress;
}

/** What one describe tells, with the run's memo and search attributes. */
export interface JobFacts {
  state: ExecutionState;
  cancelRequested: boolean;
  /** The search attribute `HandoffState`: `scheduled` until the steps begin, `dead_lettered` while parked, `expired` for good. */
  handoffState: string | undefined;
  /** The start time that was asked for. */
  startAt: Date | null;
  expiresAt: Date | null;
  /** Attempt of the pending workflow task; 0 without one. */
  workflowTaskAttempt: number;
  /** When the pending workflow task was put into its queue, first. */
  workflowTaskScheduledAt?: Date;
  /** A workflow task was completed: some worker has begun. */
  begun: boolean;
  /** Under a limit on concurrent jobs, and without a place. */
  waitsForPlace: WaitsForPlace | undefined;
  /** A step has finished before (so an idle activity queue no longer means "not begun"). */
  stepFinished: boolean;
  /** With no step open, what for. */
  waits?: WaitMemo | undefined;
  steps: Step[];
}

const closed: Record<Exclude<ExecutionState, 'RUNNING' | 'CONTINUED_AS_NEW' | 'PAUSED'>, JobStatus> = {
  COMPLETED: 'completed',
  FAILED: 'failed',
  CANCELLED: 'cancelled',
  TERMINATED: 'failed',
  TIMED_OUT: 'failed',
};

/** A run that a person has paused is open. */
export function isClosed({ state }: Pick<JobFacts, 'state'>): boolean {
  return state in closed;
}

/** From the third attempt on a workflow task fails for a reason in our code, not for a lost worker. */
const stuckAttempt = 3;

/** Workflow code fails again and again; Temporal retries it for ever. */
export function isStuck({ state, workflowTaskAttempt }: JobFacts): boolean {
  return state === 'RUNNING' && workflowTaskAttempt >= stuckAttempt;
}

/**
 * One status for every combination. The order matters: a run that was just cancelled may still list its pending activity,
 * and a workflow that fails in its first task has never "begun".
 */
export function statusOf(facts: JobFacts, now: number): JobStatus {
  const { state, steps } = facts;
  if (state === 'FAILED' && facts.handoffState === 'expired') return 'expired';
  if (state in closed) return closed[state as keyof typeof closed];
  if (facts.cancelRequested) return 'cancelling';
  if (facts.handoffState === 'dead_lettered') return 'dead_lettered';
  if (isStuck(facts)) return 'running';
  // Not by the clock alone: ours may be behind Temporal's, and the steps have begun.
  if (facts.handoffState === 'scheduled' && facts.startAt !== null && facts.startAt.getTime() > now) return 'scheduled';
  // No worker has come: the workflow's first line ends the job without any effect.
  if (!facts.begun) return facts.expiresAt !== null && facts.expiresAt.getTime() < now ? 'expired' : 'queued';
  if (facts.waitsForPlace !== undefined) return withoutPlace(facts, facts.waitsForPlace, now);
  if (steps.some((step) => step.started && step.lastFailure === undefined)) return 'running';
  if (steps.some((step) => step.lastFailure !== undefined || step.attempt > 1))
    return steps.some((step) => step.started) ? 'running' : 'retrying';
  if (steps.length > 0 && !facts.stepFinished && steps.every((step) => !step.everStarted)) return 'queued';
  return 'running';
}

/** Its only step asks for a place. */
function withoutPlace({ steps, expiresAt }: JobFacts, { again }: WaitsForPlace, now: number): JobStatus {
  if (steps.some((step) => step.lastFailure !== undefined)) return 'retrying';
  return !again && expiresAt !== null && expiresAt.getTime() < now ? 'expired' : 'queued';
}

/** The step that tells most: the one with the highest attempt. */
export function leadingStep({ steps }: JobFacts): Step | undefined {
  return steps.reduce<Step | undefined>((most, step) => (most === undefined || step.attempt > most.attempt ? step : most), undefined);
}

/** The failure that is being retried, if any. */
export function lastFailureOf({ steps }: JobFacts): JobError | null {
  return steps.find((step) => step.lastFailure !== undefined)?.lastFailure ?? null;
}

/** The earliest of the waiting steps. */
export function nextAttemptOf({ steps }: JobFacts): Date | null {
  const times = steps.flatMap((step) => (!step.started && !step.paused && step.nextAttemptAt ? [step.nextAttemptAt.getTime()] : []));
  return times.length === 0 ? null : new Date(Math.min(...times));
}

/** What the job tells itself, what the running step reported, or, for jobs of many short steps, how many of them are done. */
export function progressOf(
  { steps, waitsForPlace }: JobFacts,
  plan: (Progress & { total: number }) | undefined,
  told?: Progress,
): Progress | null {
  if (told !== undefined) return told;
  const reported = steps.find((step) => step.progress !== undefined)?.progress;
  if (reported !== undefined) return reported;
  return plan === undefined || steps.length === 0 || waitsForPlace !== undefined
    ? null
    : { ...plan, done: Math.max(0, plan.total - steps.length) };
}
