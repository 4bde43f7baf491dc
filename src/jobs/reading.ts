import { type WorkflowExecutionDescription, WorkflowNotFoundError } from '@temporalio/client';

import type { PlaceMemo } from './concurrency.ts';
import { attributeOf, factsOf } from './facts.ts';
import { type Closing, closingOf, type Run, startedAtOf, workflowTaskFailureOf } from './history.ts';
import { prefixOfOwnId } from './ids.ts';
import type { Job, JobError, JobStatus } from './job.ts';
import { type JobMemo, memoFactsOf } from './memo.ts';
import { type AnyJobType, jobTypeOf } from './registry.ts';
import { isClosed, isStuck, type JobFacts, lastFailureOf, leadingStep, nextAttemptOf, progressOf, statusOf } from './status.ts';
import type { TemporalCalls } from './temporal-calls.ts';

/** A run that was found, and is the asking tenant's. */
export interface FoundRun {
  id: string;
  type: AnyJobType;
  description: WorkflowExecutionDescription;
  memo: JobMemo;
  facts: JobFacts;
}

export interface JobReader {
  /** `undefined` for an unknown id. */
  describe(id: string): Promise<WorkflowExecutionDescription | undefined>;
  /** `undefined` when unknown **or another tenant's**. */
  find(tenant: string, id: string): Promise<FoundRun | undefined>;
  present(run: FoundRun): Promise<Job>;
  toRun(description: WorkflowExecutionDescription, type: AnyJobType): Promise<FoundRun>;
}

/** Without a result of the workflow, but perhaps with something done. */
const withOutcome = new Set<JobStatus>(['dead_lettered', 'cancelled', 'failed']);

/** As the workflow says it once a worker comes. */
const expired: JobError = { code: 'expired', message: 'No worker began the job within ttlSeconds.' };

/** A worker that changed or cancelled a scheduled job had it before its time. */
function beginningOf({ begun, startAt, closedAt }: { begun: Date | null; startAt: Date | null; closedAt: Date | undefined }): Date | null {
  if (begun === null || startAt === null || begun >= startAt) return begun;
  return closedAt !== undefined && closedAt < startAt ? null : startAt;
}

const placedAt = ({ firstAt }: PlaceMemo) => (firstAt === undefined ? null : new Date(firstAt));

const memoOf = (description: WorkflowExecutionDescription) => (description.memo ?? {}) as JobMemo;

async function unlessUnknown<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return undefined;
    throw error;
  }
}

export function createJobReader({ call }: Pick<TemporalCalls, 'call'>): JobReader {
  /** What only the history tells: from memory, else both pages at once. */
  async function historyOf(
    run: Run,
    { state, begun }: Pick<JobFacts, 'state' | 'begun'>,
  ): Promise<{ closing: Closing | undefined; startedAt: Date | null }> {
    const finished = isClosed({ state });
    const closing = finished ? closingOf.known(run) : undefined;
    const startedAt = begun ? startedAtOf.known(run) : null;
    if ((closing !== undefined || !finished) && startedAt !== undefined) return { closing, startedAt };
    return call(async (client) => {
      const [end, start] = await Promise.all([finished ? closingOf(client, run) : undefined, begun ? startedAtOf(client, run) : null]);
      return { closing: end, startedAt: start };
    });
  }

  async function toRun(description: WorkflowExecutionDescription, type: AnyJobType): Promise<FoundRun> {
    const facts = await call((client) => factsOf(client, description));
    return { id: description.workflowId, type, description, memo: memoOf(description), facts };
  }

  return {
    describe: (id) => unlessUnknown(call((client) => client.workflow.getHandle(id).describe())),
    toRun,

    async find(tenant, id) {
      const type = jobTypeOf(prefixOfOwnId(id, tenant));
      if (type === undefined) return undefined;
      return unlessUnknown(
        call(async (client) => {
          const description = await client.workflow.getHandle(id).describe();
          // The tag in the id is short: the attribute decides.
          if (attributeOf(description, 'HandoffTenant') !== tenant) return undefined;
          return { id, type, description, memo: memoOf(description), facts: await factsOf(client, description) };
        }),
      );
    },

    async present({ id, type, description, memo, facts }) {
      const run = { workflowId: id, runId: description.runId };
      const finished = isClosed(facts);
      // Under a limit a worker may have it long before it begins.
      const { place } = memo;
      const beganBefore = memo.beganAt === undefined ? null : new Date(memo.beganAt);
      const { closing, startedAt: begun } = await historyOf(run, { state: facts.state, begun: facts.begun && place === undefined });
      const { createdAt = description.startTime, startAt, ...told } = memoFactsOf(memo, description.startTime);
      const status = statusOf(facts, Date.now());
      const step = leadingStep(facts);
      return {
        id,
        type: type.type,
        workflow: type.workflow,
        status,
        createdAt,
        startAt,
        startedAt: place ? placedAt(place) : beginningOf({ begun: beganBefore ?? begun, startAt, closedAt: description.closeTime }),
        finishedAt: description.closeTime ?? null,
        attempt: closing?.attempt ?? step?.attempt ?? told.deadLetter?.attempts ?? null,
        maximumAttempts: step?.maximumAttempts ?? null,
        nextAttemptAt: finished ? null : nextAttemptOf(facts),
        progress: finished ? null : progressOf(facts, memo.plan, memo.progress),
        result: closing?.result ?? (withOutcome.has(status) ? (memo.outcome ?? null) : null),
        error: closing?.error ?? (status === 'expired' ? expired : finished ? null : (told.deadLetter?.error ?? lastFailureOf(facts))),
        stuck: isStuck(facts) ? { reason: await call((client) => workflowTaskFailureOf(client, run)) } : null,
        ...told,
        deadLetter: finished ? null : told.deadLetter,
      };
    },
  };
}
