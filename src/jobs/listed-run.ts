import type { WorkflowExecutionInfo } from '@temporalio/client';

import { attributeOf } from './facts.ts';
import type { JobSummary } from './job.ts';
import { memoFactsOf } from './memo.ts';
import { jobTypes, type WorkflowType } from './registry.ts';
import { type ExecutionState, statusOf } from './status.ts';

/** One line of a Visibility list of jobs. */
export function summaryOf(run: WorkflowExecutionInfo, now: number): JobSummary {
  const memo = memoFactsOf(run.memo ?? {}, run.startTime);
  const { createdAt = run.startTime, startAt, priority, labels, deadLetter } = memo;
  const status = statusOf(
    {
      state: run.status.name as ExecutionState,
      handoffState: attributeOf(run, 'HandoffState'),
      startAt,
      expiresAt: memo.expiresAt,
      ...unknownHere,
    },
    now,
  );
  return {
    id: run.workflowId,
    type: jobTypes[run.type as WorkflowType].type,
    status,
    createdAt,
    startAt,
    finishedAt: run.closeTime ?? null,
    priority,
    labels,
    deadLetter: status === 'dead_lettered' ? deadLetter : null,
  };
}

/** What only describe tells: without it, an open job that is neither scheduled nor parked is `running`. */
const unknownHere = {
  cancelRequested: false,
  workflowTaskAttempt: 0,
  begun: true,
  stepFinished: true,
  waitsForPlace: undefined,
  steps: [],
};
