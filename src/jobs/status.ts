import type { JobError, JobStatus } from './job.ts';
import type { Progress } from './progress.ts';

/** `WorkflowExecutionStatus`, as the SDK names it. */
export type ExecutionState = 'RUNNING' | 'COMPLETED' | 'FAILED' | 'CANCELLED' | 'TERMINATED' | 'TIMED_OUT' | 'CONTINUED_AS_NEW' | 'PAUSED';

/** A pending activity. */
export interface Step {
  /** A worker has it right now. */
  started: boolean;
  /** A worker has had it at least once. */
  everStarted: boolean;
  /** While waiting, the number of the next attempt. */
  attempt: number;
  lastFailure?: JobError;
  progress?: Progress;
}

/** What one describe tells. */
export interface JobFacts {
  state: ExecutionState;
  cancelRequested: boolean;
  /** Attempt of the pending workflow task; 0 without one. */
  workflowTaskAttempt: number;
  /** A workflow task was completed: some worker has begun. */
  begun: boolean;
  /** A step has finished before (so an idle activity queue no longer means "not begun"). */
  stepFinished: boolean;
  steps: Step[];
}

const closed: Record<Exclude<ExecutionState, 'RUNNING' | 'CONTINUED_AS_NEW' | 'PAUSED'>, JobStatus> = {
  COMPLETED: 'completed',
  FAILED: 'failed',
  CANCELLED: 'cancelled',
  TERMINATED: 'failed',
  TIMED_OUT: 'failed',
};

/** From the third attempt on a workflow task fails for a reason in our code, not for a lost worker. */
const stuckAttempt = 3;

/**
 * One status for every combination. The order matters: a run that was just cancelled may still list its pending activity,
 * and a workflow that fails in its first task has never "begun".
 */
export function statusOf(facts: JobFacts): JobStatus {
  const { state, steps } = facts;
  if (state in closed) return closed[state as keyof typeof closed];
  if (facts.cancelRequested) return 'cancelling';
  if (facts.workflowTaskAttempt >= stuckAttempt) return 'running';
  if (!facts.begun) return 'queued';
  if (steps.some((step) => step.started && step.lastFailure === undefined)) return 'running';
  if (steps.some((step) => step.lastFailure !== undefined || step.attempt > 1))
    return steps.some((step) => step.started) ? 'running' : 'retrying';
  if (steps.length > 0 && !facts.stepFinished && steps.every((step) => !step.everStarted)) return 'queued';
  return 'running';
}

/** The highest attempt of a pending step; null without one. */
export function attemptOf({ steps }: JobFacts): number | null {
  return steps.length === 0 ? null : Math.max(...steps.map((step) => step.attempt));
}

/** The failure that is being retried, if any. */
export function lastFailureOf({ steps }: JobFacts): JobError | null {
  return steps.find((step) => step.lastFailure !== undefined)?.lastFailure ?? null;
}

/** What the running step reported, or, for jobs of many short steps, how many of them are done. */
export function progressOf({ steps }: JobFacts, plan: (Progress & { total: number }) | undefined): Progress | null {
  const reported = steps.find((step) => step.progress !== undefined)?.progress;
  if (reported !== undefined) return reported;
  return plan === undefined || steps.length === 0 ? null : { ...plan, done: Math.max(0, plan.total - steps.length) };
}
