import type { Client, WorkflowExecutionDescription } from '@temporalio/client';
import { decodeArrayFromPayloads, decodeOptionalFailureToOptionalError } from '@temporalio/common/lib/internal-non-workflow/index.js';
import { optionalTsToDate } from '@temporalio/common/lib/time.js';

import { jobErrorOf } from './job-error.ts';
import { type JobMemo, memoFactsOf, waitsForPlaceOf } from './memo.ts';
import type { Progress } from './progress.ts';
import type { ExecutionState, JobFacts, Step } from './status.ts';

type PendingActivity = NonNullable<WorkflowExecutionDescription['raw']['pendingActivities']>[number];

/** `PENDING_ACTIVITY_STATE_STARTED`, `…_CANCEL_REQUESTED` and `…_PAUSE_REQUESTED`: a worker has it. Enums in `raw` are numbers. */
const heldByWorker = new Set([2, 3, 5]);

/** The first value of a search attribute. */
export function attributeOf(description: Pick<WorkflowExecutionDescription, 'searchAttributes'>, name: string): string | undefined {
  // eslint-disable-next-line @typescript-eslint/no-deprecated -- the typed form needs the key's definition on this side, too
  const value = description.searchAttributes[name]?.[0];
  return typeof value === 'string' ? value : undefined;
}

/** Translates one describe answer; the only place that knows Temporal's raw field names. */
export async function factsOf(client: Client, description: WorkflowExecutionDescription): Promise<JobFacts> {
  const { raw } = description;
  const memo: JobMemo = description.memo ?? {};
  const { startAt, expiresAt } = memoFactsOf(memo, description.startTime);
  const steps = await Promise.all((raw.pendingActivities ?? []).map((pending) => stepOf(client, description.workflowId, pending)));
  const task = raw.pendingWorkflowTask;
  return {
    state: description.status.name as ExecutionState,
    cancelRequested: raw.workflowExtendedInfo?.cancelRequested === true,
    handoffState: attributeOf(description, 'HandoffState'),
    startAt,
    expiresAt,
    workflowTaskAttempt: task?.attempt ?? 0,
    ...given('workflowTaskScheduledAt', optionalTsToDate(task?.originalScheduledTime ?? task?.scheduledTime)),
    // A worker that only changed a scheduled job has not begun it.
    begun:
      memo.beganAt !== undefined ||
      (raw.workflowExecutionInfo?.mostRecentWorkerVersionStamp != null && attributeOf(description, 'HandoffState') !== 'scheduled'),
    waitsForPlace: waitsForPlaceOf(memo),
    // The SDK numbers the activities of a run from 1; the first of a job under a limit asks for its place.
    stepFinished: memo.beganAt !== undefined || steps.some((step) => Number(step.id) > steps.length + (memo.place === undefined ? 0 : 1)),
    waits: memo.waits,
    steps,
  };
}

async function stepOf(client: Client, workflowId: string, pending: PendingActivity): Promise<Step> {
  const converter = client.options.loadedDataConverter;
  const activityId = pending.activityId ?? '';
  const context = { type: 'activity', namespace: client.options.namespace, workflowId, activityId, isLocal: false } as const;
  const [progress] = await decodeArrayFromPayloads(converter, pending.heartbeatDetails?.payloads, context);
  const failure = await decodeOptionalFailureToOptionalError(converter, pending.lastFailure, context);
  const heartbeatTimeout = pending.activityOptions?.heartbeatTimeout;
  return {
    id: activityId,
    name: pending.activityType?.name ?? '',
    taskQueue: pending.activityOptions?.taskQueue?.name ?? undefined,
    started: heldByWorker.has(pending.state ?? 0),
    everStarted: pending.lastStartedTime != null,
    paused: pending.paused === true,
    attempt: pending.attempt ?? 1,
    maximumAttempts: pending.maximumAttempts || null,
    heartbeatTimeoutMs: heartbeatTimeout ? Number(heartbeatTimeout.seconds ?? 0) * 1000 || null : null,
    ...given('scheduledAt', optionalTsToDate(pending.scheduledTime)),
    ...given('startedAt', optionalTsToDate(pending.lastStartedTime)),
    ...given('lastHeartbeatAt', optionalTsToDate(pending.lastHeartbeatTime)),
    ...given('nextAttemptAt', optionalTsToDate(pending.nextAttemptScheduleTime)),
    ...(failure && { lastFailure: jobErrorOf(failure) }),
    ...(isProgress(progress) && { progress }),
  };
}

function given<Key extends string, Value>(key: Key, value: Value | undefined): { [K in Key]?: Value } {
  return value === undefined ? {} : ({ [key]: value } as { [K in Key]: Value });
}

function isProgress(value: unknown): value is Progress {
  return typeof value === 'object' && value !== null && 'done' in value && 'stage' in value;
}
