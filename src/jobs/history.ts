import type { Client } from '@temporalio/client';
import { decodeArrayFromPayloads, decodeOptionalFailureToOptionalError } from '@temporalio/common/lib/internal-non-workflow/index.js';
import { optionalTsToDate } from '@temporalio/common/lib/time.js';

import type { JobArgs } from './definition.ts';
import type { JobError } from './job.ts';
import { jobErrorOf } from './job-error.ts';

export interface Run {
  workflowId: string;
  runId: string;
}

/** How a run ended: read from its last events, which never change. */
export interface Closing {
  result: unknown;
  error: JobError | null;
  /** Of the last activity that ran. */
  attempt: number | null;
}

/** Runs kept per kind of fact. */
const capacity = 2_000;

interface Remembering<T> {
  (client: Client, run: Run): Promise<T>;
  /** Without asking Temporal. */
  known(run: Run): T | undefined;
}

function remembering<T>(load: (client: Client, run: Run) => Promise<T>): Remembering<T> {
  const known = new Map<string, T>();
  const remember = async (client: Client, run: Run): Promise<T> => {
    const cached = known.get(run.runId);
    if (cached !== undefined) return cached;
    const loaded = await load(client, run);
    if (known.size >= capacity) known.delete(known.keys().next().value ?? '');
    known.set(run.runId, loaded);
    return loaded;
  };
  return Object.assign(remember, { known: (run: Run) => known.get(run.runId) });
}

const page = ({ workflowId, runId }: Run, client: Client, maximumPageSize: number) => ({
  namespace: client.options.namespace,
  execution: { workflowId, runId },
  maximumPageSize,
});

/** When a worker first had the job; call it only once one has. */
export const startedAtOf = remembering(async (client, run): Promise<Date | null> => {
  const { history } = await client.workflowService.getWorkflowExecutionHistory(page(run, client, 10));
  const started = history?.events?.find((event) => event.workflowTaskStartedEventAttributes != null);
  return optionalTsToDate(started?.eventTime) ?? null;
});

/** What a run was started with. Not remembered: it may be large. */
export async function inputOf<Input>(client: Client, run: Run): Promise<JobArgs<Input>> {
  const { history } = await client.workflowService.getWorkflowExecutionHistory(page(run, client, 1));
  const payloads = history?.events?.[0]?.workflowExecutionStartedEventAttributes?.input?.payloads;
  const context = { type: 'workflow', namespace: client.options.namespace, workflowId: run.workflowId } as const;
  const [args] = await decodeArrayFromPayloads(client.options.loadedDataConverter, payloads, context);
  return args as JobArgs<Input>;
}

/** Call it only once the run is closed. */
export const closingOf = remembering(async (client, run): Promise<Closing> => {
  const { history } = await client.workflowService.getWorkflowExecutionHistoryReverse(page(run, client, 20));
  const events = history?.events ?? [];
  const last = events[0];
  const context = { type: 'workflow', namespace: client.options.namespace, workflowId: run.workflowId } as const;
  const converter = client.options.loadedDataConverter;
  const payloads = last?.workflowExecutionCompletedEventAttributes?.result?.payloads;
  const [result] = await decodeArrayFromPayloads(converter, payloads, context);
  const failure = await decodeOptionalFailureToOptionalError(converter, last?.workflowExecutionFailedEventAttributes?.failure, context);
  const asking = new Set(events.flatMap((event) => (asksForPlace(event) ? [String(event.eventId)] : [])));
  const attempts = events.map(({ activityTaskStartedEventAttributes: started }) =>
    asking.has(String(started?.scheduledEventId)) ? 0 : (started?.attempt ?? 0),
  );
  return {
    result: result ?? null,
    error: failure ? jobErrorOf(failure) : endedByForce(last),
    attempt: Math.max(0, ...attempts) || null,
  };
});

type Event = NonNullable<
  NonNullable<Awaited<ReturnType<Client['workflowService']['getWorkflowExecutionHistory']>>['history']>['events']
>[number];

/** Which is no step of the job. */
const asksForPlace = (event: Event) => event.activityTaskScheduledEventAttributes?.activityType?.name === 'askForPlace';

function endedByForce(last: Event | undefined): JobError | null {
  if (last?.workflowExecutionTerminatedEventAttributes != null)
    return { code: 'terminated', message: 'An operator terminated the workflow.' };
  if (last?.workflowExecutionTimedOutEventAttributes != null) return { code: 'timed_out', message: 'The workflow ran out of time.' };
  return null;
}

/** Words for the causes that people meet; Temporal's own name for the others. */
const taskFailures: Partial<Record<number, string>> = {
  14: 'The code of the workflow throws an error that is no failure of the job.',
  24: 'The code of the workflow no longer fits the history of this job (non-determinism).',
};

/** Why the workflow task of a run fails again and again; call it only when it does. Not remembered: the cause may change. */
export async function workflowTaskFailureOf(client: Client, run: Run): Promise<string> {
  const { history } = await client.workflowService.getWorkflowExecutionHistoryReverse(page(run, client, 10));
  const failed = history?.events?.find((event) => event.workflowTaskFailedEventAttributes != null)?.workflowTaskFailedEventAttributes;
  if (failed == null) return 'No worker finishes the workflow task in time.';
  const name = failed.failure?.applicationFailureInfo?.type;
  const words = taskFailures[failed.cause ?? 0] ?? 'The workflow task fails.';
  return name ? `${words} (${name})` : words;
}
