import { expect } from '@jest/globals';
import type { WorkflowHandle } from '@temporalio/client';

import type { StagedFile } from '../../src/jobs/files.ts';
import type { Job, JobStatus } from '../../src/jobs/job.ts';
import type { JobOptions } from '../../src/jobs/options.ts';
import { eventually } from './eventually.ts';
import { startMailServer } from './mail-server.ts';
import { startSystem } from './system.ts';

/** Retries that are soon used up. */
export const twoAttempts: JobOptions = { retry: { maximumAttempts: 2, initialIntervalSeconds: 0.1 } };

export const emailTo = (...to: string[]) => ({ to, subject: 'Hello', text: 'Hi' });

type HistoryEvent = NonNullable<Awaited<ReturnType<WorkflowHandle['fetchHistory']>>['events']>[number];

/** A system without workers whose mail server and file store fail as a test wants. */
export async function startFailingSystem(taskQueue: string) {
  /** What the mail server says to RCPT TO, perhaps later; an address that is not here is taken. */
  const refusals = new Map<string, Error | Promise<Error | undefined>>();
  /** What comes of committing a file of this name. */
  const broken = new Map<string, Error>();
  const breaking = (staged: StagedFile): StagedFile => ({
    ...staged,
    commit(facts) {
      const error = broken.get(facts.name);
      return error === undefined ? staged.commit(facts) : Promise.reject(error);
    },
  });
  const mail = await startMailServer({
    onRcptTo({ address }, _session, callback) {
      Promise.resolve(refusals.get(address)).then(callback, callback);
    },
  });
  const system = await startSystem({
    taskQueue,
    smtpUrl: `smtp://127.0.0.1:${String(mail.port)}`,
    only: [],
    wrapFiles: (files) => ({
      ...files,
      stage: async (...args) => breaking(await files.stage(...args)),
      stageFile: async (...args) => breaking(await files.stageFile(...args)),
    }),
  });
  const handle = (id: string) => system.link.client().workflow.getHandle(id);

  async function look(id: string): Promise<Job> {
    const job = await system.jobs.get('acme', id);
    if (job === undefined) throw new Error('no such job');
    return job;
  }

  return {
    ...system,
    refusals,
    broken,
    handle,
    look,
    mailTo: (address: string) => mail.received.filter(({ recipients }) => recipients.includes(address)),

    async untilStatus(id: string, status: JobStatus): Promise<Job> {
      return eventually(
        async () => {
          const job = await look(id);
          expect(job).toMatchObject({ status });
          return job;
        },
        { every: 100 },
      );
    },

    /** An e-mail, parked. */
    async park(address: string, refusal: Error, options: JobOptions = twoAttempts): Promise<Job> {
      refusals.set(address, refusal);
      const { job } = await system.submit('email', emailTo(address), { options });
      return this.untilStatus(job.id, 'dead_lettered');
    },

    /** Names of the activities that were scheduled, in order. */
    async stepsOf(id: string): Promise<string[]> {
      const { events } = await handle(id).fetchHistory();
      return (events ?? []).flatMap((event: HistoryEvent) => event.activityTaskScheduledEventAttributes?.activityType?.name ?? []);
    },

    /** The search attribute `HandoffState`. */
    async handoffStateOf(id: string): Promise<unknown> {
      const { raw } = await handle(id).describe();
      return raw.workflowExecutionInfo?.searchAttributes?.indexedFields?.['HandoffState'];
    },

    async close(): Promise<void> {
      await system.close();
      await mail.close();
    },
  };
}

/** Decided by the test. */
export function held<T>(): { promise: Promise<T>; release: (value: T) => void } {
  let release: (value: T) => void = () => undefined;
  const promise = new Promise<T>((resolve) => {
    release = resolve;
  });
  return { promise, release };
}
