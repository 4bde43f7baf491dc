import { WorkflowNotFoundError, WorkflowUpdateFailedError, WorkflowUpdateRPCTimeoutOrCancelledError } from '@temporalio/client';
import { setTimeout as sleep } from 'node:timers/promises';

import { AppError } from '../errors.ts';
import { isFinished, type Job } from './job.ts';
import type { Discard, Edit, NewNote, Retry } from './messages.ts';
import type { FoundRun, JobReader } from './reading.ts';
import { statusOf } from './status.ts';
import type { TemporalCalls } from './temporal-calls.ts';

/**
 * What can be done to a job. Each resolves with the job as it is afterwards, or `undefined` when it is unknown **or another
 * tenant's**; the workflow may still be busy obeying. All may be repeated.
 */
export interface JobActions {
  /** @throws AppError `job_not_cancellable` for a finished job. */
  cancel(tenant: string, id: string): Promise<Job | undefined>;
  /** A dead letter goes on with the failed step; a retrying job tries now. @throws AppError `job_not_retryable`. */
  retry(tenant: string, id: string): Promise<Job | undefined>;
  /** @throws AppError `job_not_dead_lettered`. */
  discard(tenant: string, id: string, discard: Discard): Promise<Job | undefined>;
  /** @throws AppError `job_not_dead_lettered`. */
  addNote(tenant: string, id: string, note: NewNote): Promise<Job | undefined>;
  /** Changes a job that has not begun. @throws AppError `job_not_scheduled`, `worker_unavailable` (it may still take effect). */
  edit(tenant: string, id: string, edit: (job: Job) => Promise<Edit>): Promise<Job | undefined>;
}

/** For an update that only a worker can answer, in milliseconds; below the deadline of every call. */
const updatePatienceMs = 3_500;

class NoWorker extends Error {}

/** With a timer of our own: on a busy machine Temporal's deadline may come after that of the call, which would pass for an outage. */
async function patiently<T>(update: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(new NoWorker('No worker took the update in time'));
    }, updatePatienceMs);
  });
  try {
    return await Promise.race([update, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** In events. Temporal ends a workflow by force at 51,200: nobody may bring that about with notes and changes. */
const longestHistory = 10_000;

function assertRoom({ description }: FoundRun): void {
  if (description.historyLength > longestHistory)
    throw new AppError(
      'too_many_changes',
      'This job has been changed, noted or retried too often. It can still be discarded or cancelled.',
    );
}

/** Between looks, in milliseconds: a worker obeys a signal within a few of them; without a worker the answer must not wait. */
const obeyingMs = [20, 40, 80, 160, 320, 640];

/** No longer parked, or parked anew. */
const hasLeft = (after: FoundRun, before: FoundRun) => after.memo.dead?.since !== before.memo.dead?.since;

const statusAt = (run: FoundRun) => statusOf(run.facts, Date.now());

/** Between our look and our signal the job may have been retried by another, and be parked again. */
const decidedFor = ({ memo }: FoundRun): Retry => (memo.dead === undefined ? {} : { redrives: memo.dead.redrives });

/** A run that ended, or an activity that ran, between our look and our call: what was wanted is past. */
async function unlessGone(action: () => Promise<unknown>): Promise<void> {
  try {
    await action();
  } catch (error) {
    const code = (error as { code?: number }).code ?? (error as { cause?: { code?: number } }).cause?.code;
    if (!(error instanceof WorkflowNotFoundError) && code !== 5) throw error;
  }
}

export function createJobActions({ call }: Pick<TemporalCalls, 'call'>, reader: JobReader): JobActions {
  /** Looks, acts, and looks again: for a moment until it is `done`, so that the answer shows what came of it. */
  async function acting(
    tenant: string,
    id: string,
    act: (run: FoundRun) => Promise<void>,
    done: (after: FoundRun, before: FoundRun) => boolean = () => true,
  ): Promise<Job | undefined> {
    const before = await reader.find(tenant, id);
    if (before === undefined) return undefined;
    await act(before);
    let after = await reader.find(tenant, id);
    for (const pause of obeyingMs) {
      if (after === undefined || done(after, before)) break;
      await sleep(pause);
      after = await reader.find(tenant, id);
    }
    return after && reader.present(after);
  }

  const signal = (id: string, name: string, ...args: unknown[]) =>
    unlessGone(() => call((client) => client.workflow.getHandle(id).signal(name, ...args)));

  /** Pause and unpause: the only way to end a backoff that keeps the count of attempts. */
  async function tryNow({ id, facts }: FoundRun): Promise<void> {
    const waiting = facts.steps.filter((step) => !step.started && (step.lastFailure !== undefined || step.attempt > 1 || step.paused));
    for (const step of waiting) {
      await unlessGone(() =>
        call(async ({ workflowService, options: { namespace, identity } }) => {
          const activity = { namespace, identity, execution: { workflowId: id }, id: step.id };
          if (!step.paused) await workflowService.pauseActivity({ ...activity, reason: 'retry now' });
          await workflowService.unpauseActivity(activity);
        }),
      );
    }
  }

  function assertParked(run: FoundRun): void {
    const status = statusAt(run);
    if (status !== 'dead_lettered') throw new AppError('job_not_dead_lettered', `The job is ${status}, not dead_lettered.`);
  }

  async function update({ id }: FoundRun, edit: Edit): Promise<void> {
    try {
      await call((client) => patiently(client.workflow.getHandle(id).executeUpdate('editUpdate', { args: [edit] })));
    } catch (error) {
      if (error instanceof NoWorker || error instanceof WorkflowUpdateRPCTimeoutOrCancelledError)
        throw new AppError('worker_unavailable', 'No worker has taken the change in time; it may still be taken later.', {
          retryable: true,
          retryAfterSeconds: 5,
          cause: error,
        });
      if (error instanceof WorkflowUpdateFailedError || error instanceof WorkflowNotFoundError) throw notScheduled('begun or ended');
      throw error;
    }
  }

  const notScheduled = (status: string) => new AppError('job_not_scheduled', `The job is ${status}: only a scheduled job can be changed.`);

  return {
    cancel: (tenant, id) =>
      acting(tenant, id, async (run) => {
        const status = statusAt(run);
        // Temporal itself takes the cancellation of a closed run without a word.
        if (isFinished(status)) throw new AppError('job_not_cancellable', `The job is ${status}.`);
        if (status !== 'cancelling') await unlessGone(() => call((client) => client.workflow.getHandle(id).cancel()));
      }),

    retry: (tenant, id) =>
      acting(
        tenant,
        id,
        async (run) => {
          const status = statusAt(run);
          if (status === 'dead_lettered') {
            assertRoom(run);
            await signal(id, 'retrySignal', decidedFor(run));
          } else if (status === 'retrying') await tryNow(run);
          else throw new AppError('job_not_retryable', `The job is ${status}: there is nothing to retry.`);
        },
        (after, before) => before.memo.dead === undefined || hasLeft(after, before),
      ),

    discard: (tenant, id, discard) =>
      acting(
        tenant,
        id,
        async (run) => {
          assertParked(run);
          await signal(id, 'discardSignal', { ...discard, ...decidedFor(run) });
        },
        hasLeft,
      ),

    addNote: (tenant, id, note) =>
      acting(
        tenant,
        id,
        async (run) => {
          assertParked(run);
          assertRoom(run);
          await signal(id, 'noteSignal', note);
        },
        (after, before) => after.memo.notes?.at(-1)?.at !== before.memo.notes?.at(-1)?.at,
      ),

    edit: (tenant, id, edit) =>
      acting(tenant, id, async (run) => {
        const status = statusAt(run);
        if (status !== 'scheduled') throw notScheduled(status);
        assertRoom(run);
        const changes = await edit(await reader.present(run));
        await update(run, changes);
        const { priority } = changes;
        // For the tasks of the workflow itself: to its steps it gives the new priority from the first one on.
        if (priority !== undefined)
          await unlessGone(() =>
            call(({ workflowService, options: { namespace } }) =>
              workflowService.updateWorkflowExecutionOptions({
                namespace,
                workflowExecution: { workflowId: id },
                workflowExecutionOptions: { priority: { priorityKey: priority, fairnessKey: tenant } },
                updateMask: { paths: ['priority'] },
              }),
            ),
          );
      }),
  };
}
