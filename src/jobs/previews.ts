import { type Client, WorkflowFailedError } from '@temporalio/client';

import { AppError } from '../errors.ts';
import { newJobId } from './ids.ts';
import { jobErrorOf } from './job-error.ts';
import { isOutage } from './outage.ts';
import type { PreviewOrder, ReportPreview } from './report-preview.ts';
import type { TemporalCalls } from './temporal-calls.ts';

/** Runs of the workflow `previewReport`. */
export interface Previews {
  /**
   * Waits for it, and has Temporal delete it then, which it does within about two minutes.
   * @param signal whoever asked has gone
   * @throws AppError with what was wrong with the report; `temporal_unavailable`, `worker_unavailable`, `overloaded`; the reason of `signal`
   */
  preview(order: PreviewOrder, options: { seconds: number; signal: AbortSignal }): Promise<ReportPreview>;
}

/** Beside the time that it may take: for a worker that has to be found. In seconds. */
const grace = 10;
/** At once, of one tenant, through this process. */
const atOnce = 2;
/** Of a run; what is left after them goes with its retention. */
const removals = { tries: 60, everyMs: 1_000 };
/** Before reports that wait. */
const priorityKey = 1;

export function createPreviews({ call }: Pick<TemporalCalls, 'call'>, client: () => Client, taskQueue: string): Previews {
  const open = new Map<string, number>();

  async function result(workflowId: string, seconds: number, signal: AbortSignal): Promise<ReportPreview> {
    const connected = client();
    const until = Date.now() + seconds * 1000;
    try {
      return await unlessAborted(signal, () =>
        connected.withDeadline(until, () =>
          connected.withAbortSignal(signal, () => connected.workflow.getHandle(workflowId).result() as Promise<ReportPreview>),
        ),
      );
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof WorkflowFailedError) throw failureOf(error.cause ?? error);
      if (Date.now() >= until) throw noWorker();
      if (!isOutage(error)) throw error;
      throw new AppError('temporal_unavailable', 'Temporal does not answer.', { retryable: true, retryAfterSeconds: 2, cause: error });
    }
  }

  /** With what it was made of, and whatever runs of it; tried again for a while when Temporal does not answer. */
  async function remove(workflowId: string, tries = removals.tries): Promise<void> {
    try {
      await call(({ workflowService, options: { namespace } }) =>
        workflowService.deleteWorkflowExecution({ namespace, workflowExecution: { workflowId } }),
      );
    } catch (error) {
      if (!(error instanceof AppError) || tries === 1) return;
      setTimeout(() => {
        // It never fails.
        remove(workflowId, tries - 1).catch(() => undefined);
      }, removals.everyMs).unref();
    }
  }

  return {
    async preview(order, { seconds, signal }) {
      const { tenant } = order;
      const before = open.get(tenant) ?? 0;
      if (before >= atOnce)
        throw new AppError('overloaded', `${String(atOnce)} previews of this tenant are being made.`, {
          retryable: true,
          retryAfterSeconds: 2,
        });
      open.set(tenant, before + 1);
      const workflowId = newJobId('preview', tenant);
      try {
        await call((connected) =>
          connected.workflow.start('previewReport', {
            workflowId,
            taskQueue,
            args: [order],
            typedSearchAttributes: [{ key: { name: 'HandoffTenant', type: 'KEYWORD' }, value: tenant }],
            priority: { priorityKey, fairnessKey: tenant },
            staticSummary: 'Preview of a report',
            workflowExecutionTimeout: (seconds + 2 * grace) * 1000,
          }),
        );
        // A call does not notice a signal that was there before it.
        signal.throwIfAborted();
        return await result(workflowId, seconds + grace, signal);
      } finally {
        const left = (open.get(tenant) ?? 1) - 1;
        if (left === 0) open.delete(tenant);
        else open.set(tenant, left);
        await remove(workflowId);
      }
    },
  };
}

/** An aborted call may go on for long in the SDK, as one that is being tried again does. @throws the reason of `signal`. */
async function unlessAborted<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  let leave: (() => void) | undefined;
  const aborted = new Promise<never>((_, reject) => {
    leave = () => {
      reject(signal.reason as Error);
    };
    signal.addEventListener('abort', leave);
  });
  try {
    return await Promise.race([aborted, work()]);
  } finally {
    if (leave) signal.removeEventListener('abort', leave);
  }
}

function noWorker(): AppError {
  return new AppError('worker_unavailable', 'No worker has made the preview in time.', { retryable: true, retryAfterSeconds: 5 });
}

function failureOf(failure: Error): AppError {
  const { code, message } = jobErrorOf(failure);
  return code === 'timed_out' ? noWorker() : new AppError(code, message, { cause: failure });
}
