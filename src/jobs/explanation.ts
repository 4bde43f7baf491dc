import type { JobStatus } from './job.ts';

/** Why a job is where it is, what weighs most first. Meanings: docs/explain.md. */
export const explanationCodes = [
  'completed',
  'failed',
  'cancelled',
  'expired',
  'expired_unstarted',
  'stuck_workflow_task',
  'no_worker',
  'parked',
  'no_step_worker',
  'queue_paused',
  'step_paused',
  'cancelling_not_heard',
  'cancelling_waits_for_worker',
  'cancelling_waits_for_step',
  'no_heartbeat',
  'starts_later',
  'waiting_for_place',
  'paused_by_hand',
  'outside_send_window',
  'recipients_refused_for_now',
  'running_step',
  'waiting_for_retry',
  'queue_rate_limited',
  'backlog_ahead',
  'waiting_for_worker',
  'between_steps',
  'expires',
] as const;

export type ExplanationCode = (typeof explanationCodes)[number];

export interface Reason {
  code: ExplanationCode;
  /** A sentence or two for people. */
  text: string;
  /** The same for programs; times are RFC 3339. Which: docs/explain.md. */
  facts: Record<string, unknown>;
}

/** What can be done with the job itself, or with the surroundings by whoever runs them. */
export type Action = 'read' | 'watch' | 'edit' | 'retry' | 'discard' | 'cancel' | 'resume batch' | { command: string };

export interface Advice {
  text: string;
  /** null: nothing needs to be done, or nothing that could be done from here. */
  action: Action | null;
}

export interface Explanation {
  status: JobStatus;
  /** Workflow code fails again and again. */
  stuck: boolean;
  /** Never empty; what weighs most comes first. */
  because: Reason[];
  next: Advice[];
}
