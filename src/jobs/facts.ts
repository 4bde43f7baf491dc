import type { Client, WorkflowExecutionDescription } from '@temporalio/client';
import { decodeArrayFromPayloads, decodeOptionalFailureToOptionalError } from '@temporalio/common/lib/internal-non-workflow/index.js';

import { jobErrorOf } from './job-error.ts';
import type { Progress } from './progress.ts';
import type { ExecutionState, JobFacts, Step } from './status.ts';

/** What describe can't tell, kept with the run. */
export interface JobMemo {
  createdAt?: string;
  fingerprint?: string;
  /** For jobs that count finished steps. */
  plan?: Progress & { total: number };
}

type PendingActivity = NonNullable<WorkflowExecutionDescription['raw']['pendingActivities']>[number];

/** `PENDING_ACTIVITY_STATE_STARTED` and `…_CANCEL_REQUESTED`: a worker has it. Enums in `raw` are numbers. */
const heldByWorker = new Set([2, 3]);

/** Translates one describe answer; the only place that knows Temporal's raw field names. */
export async function factsOf(client: Client, description: WorkflowExecutionDescription): Promise<JobFacts> {
  const { raw } = description;
  const converter = client.options.loadedDataConverter;

  const step = async (pending: PendingActivity): Promise<Step> => {
    const context = {
      type: 'activity',
      namespace: client.options.namespace,
      workflowId: description.workflowId,
      activityId: pending.activityId ?? '',
      isLocal: false,
    } as const;
    const [progress] = await decodeArrayFromPayloads(converter, pending.heartbeatDetails?.payloads, context);
    const failure = await decodeOptionalFailureToOptionalError(converter, pending.lastFailure, context);
    return {
      started: heldByWorker.has(pending.state ?? 0),
      everStarted: pending.lastStartedTime != null,
      attempt: pending.attempt ?? 1,
      ...(failure && { lastFailure: jobErrorOf(failure) }),
      ...(isProgress(progress) && { progress }),
    };
  };

  const steps = await Promise.all((raw.pendingActivities ?? []).map(step));
  return {
    state: description.status.name as ExecutionState,
    cancelRequested: raw.workflowExtendedInfo?.cancelRequested === true,
    workflowTaskAttempt: raw.pendingWorkflowTask?.attempt ?? 0,
    begun: raw.workflowExecutionInfo?.mostRecentWorkerVersionStamp != null,
    // Four events, and one for each scheduled activity; a finished one adds at least two more.
    stepFinished: description.historyLength > 6 + steps.length,
    steps,
  };
}

function isProgress(value: unknown): value is Progress {
  return typeof value === 'object' && value !== null && 'done' in value && 'stage' in value;
}
