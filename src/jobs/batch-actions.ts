import { AppError } from '../errors.ts';
import type { BatchInput } from './batch.ts';
import { inputOf } from './history.ts';
import type { Job } from './job.ts';
import { isNotFound } from './bulk.ts';
import type { FoundRun, JobReader } from './reading.ts';
import { statusOf } from './status.ts';
import type { TemporalCalls } from './temporal-calls.ts';

/** `undefined` when there is no such batch **or it is another tenant's**. All throw AppError `temporal_unavailable`. */
export interface BatchActions {
  /** Takes effect when the chunks that run have ended. Harmless when it is paused. @throws AppError `job_not_pausable`. */
  pause(tenant: string, id: string): Promise<Job | undefined>;
  /** Harmless when it is not paused. @throws AppError `job_not_pausable`. */
  resume(tenant: string, id: string): Promise<Job | undefined>;
  /** What it was started with. */
  input(tenant: string, id: string): Promise<BatchInput | undefined>;
}

const pausable = new Set(['queued', 'running', 'retrying']);

export function createBatchActions({ call }: Pick<TemporalCalls, 'call'>, reader: JobReader): BatchActions {
  async function find(tenant: string, id: string): Promise<FoundRun | undefined> {
    const run = await reader.find(tenant, id);
    return run?.type.workflow === 'sendEmailBatch' ? run : undefined;
  }

  const steer = (signal: string) => async (tenant: string, id: string) => {
    const run = await find(tenant, id);
    if (run === undefined) return undefined;
    const refused = (status: string) =>
      new AppError('job_not_pausable', `The batch is ${status}: only one that works, or is about to, can be paused and resumed.`);
    const status = statusOf(run.facts, Date.now());
    if (!pausable.has(status)) throw refused(status);
    try {
      await call((client) => client.workflow.getHandle(id).signal(signal));
    } catch (error) {
      if (isNotFound(error)) throw refused('finished');
      throw error;
    }
    const after = await reader.find(tenant, id);
    return after && reader.present(after);
  };

  return {
    pause: steer('pauseSignal'),
    resume: steer('resumeSignal'),
    async input(tenant, id) {
      const run = await find(tenant, id);
      if (run === undefined) return undefined;
      const { input } = await call((client) => inputOf<BatchInput>(client, { workflowId: id, runId: run.description.runId }));
      return input;
    },
  };
}
