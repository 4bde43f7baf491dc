import type { ErrorCode } from '../errors.ts';
import type { Progress } from './progress.ts';
import type { WorkflowType } from './registry.ts';

/** Meanings: docs/http.md. */
export const jobStatuses = [
  'scheduled',
  'queued',
  'running',
  'retrying',
  'cancelling',
  'dead_lettered',
  'completed',
  'failed',
  'cancelled',
  'expired',
] as const;
export type JobStatus = (typeof jobStatuses)[number];

const finishedStatuses = ['completed', 'failed', 'cancelled', 'expired'] as const satisfies readonly JobStatus[];

export function isFinished(status: JobStatus): boolean {
  return (finishedStatuses as readonly JobStatus[]).includes(status);
}

export interface JobError {
  code: ErrorCode;
  message: string;
  /** Per type: the e-mail recipients and what became of each. */
  details?: Record<string, unknown>;
}

/** Why a step failed for good: something passing, our settings, no answer in time, or a failure that has no code of ours. */
export const reasonClasses = ['transient', 'configuration', 'timeout', 'unexpected'] as const;
export type ReasonClass = (typeof reasonClasses)[number];

export interface Note {
  at: Date;
  text: string;
}

/** Why and since when a job is parked. */
export interface DeadLetter {
  /** Name of the activity that failed. */
  step: string;
  reasonClass: ReasonClass;
  error: JobError;
  /** Of the failed step, in its last round; null when that is not known. */
  attempts: number | null;
  /** How often the job was retried from here before. */
  redrives: number;
  since: Date;
  /** When it is closed as failed if nobody decides. */
  closesAt: Date;
}

/** What a list shows of a job. */
export interface JobSummary {
  id: string;
  type: string;
  /** In lists `running` covers `queued` and `retrying`, and may lag; the single job is exact. */
  status: JobStatus;
  createdAt: Date;
  /** The start time that was asked for. */
  startAt: Date | null;
  finishedAt: Date | null;
  /** 1 first … 5 last. */
  priority: number;
  labels: Record<string, string>;
  deadLetter: DeadLetter | null;
}

/** A Workflow Execution as we speak of it; HTTP adds links. */
export interface Job extends JobSummary {
  workflow: WorkflowType;
  startedAt: Date | null;
  /** When the job expires if no worker has begun by then. */
  expiresAt: Date | null;
  /** Of the step that runs now, or ran last; 1 is the first. null before any. */
  attempt: number | null;
  /** Of the step that runs now; null: as many as its time allows. */
  maximumAttempts: number | null;
  /** While retrying. */
  nextAttemptAt: Date | null;
  progress: Progress | null;
  /** What the workflow returned; of a job that was parked or cancelled, what was done by then. */
  result: unknown;
  error: JobError | null;
  /** Workflow code fails again and again: a defect, or incompatible code. */
  stuck: { reason: string } | null;
  notes: Note[];
}
