import type { ErrorCode } from '../errors.ts';
import type { Progress } from './progress.ts';
import type { WorkflowType } from './registry.ts';

/** Those that can occur so far; meanings: docs/http.md. */
export const jobStatuses = ['queued', 'running', 'retrying', 'cancelling', 'completed', 'failed', 'cancelled'] as const;
export type JobStatus = (typeof jobStatuses)[number];

export interface JobError {
  code: ErrorCode;
  message: string;
  /** Per type: the e-mail recipients and what became of each. */
  details?: Record<string, unknown>;
}

/** A Workflow Execution as we speak of it; HTTP adds links. */
export interface Job {
  id: string;
  type: string;
  workflow: WorkflowType;
  status: JobStatus;
  createdAt: Date;
  startedAt: Date | null;
  finishedAt: Date | null;
  /** Of the step that runs now, or ran last; 1 is the first. null before any. */
  attempt: number | null;
  progress: Progress | null;
  /** What the workflow returned. */
  result: unknown;
  error: JobError | null;
}
