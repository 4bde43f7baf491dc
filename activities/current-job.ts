import { activityInfo } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';

/** Job id = Workflow Id of the workflow that called this activity. */
export function currentJobId(): string {
  const id = activityInfo().workflowExecution?.workflowId;
  if (id === undefined) throw ApplicationFailure.nonRetryable('This activity runs only as part of a job', 'internal_error');
  return id;
}

/** 1 is the first. */
export function currentAttempt(): number {
  return activityInfo().attempt;
}
