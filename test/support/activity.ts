import { asyncLocalStorage, Context, type Info } from '@temporalio/activity';

export interface ActivityRun<T> {
  result: Promise<T>;
  /** Details of each heartbeat. */
  beats: unknown[];
  cancel(): void;
}

type ContextParts = ConstructorParameters<typeof Context>;

export interface RunOptions {
  jobId?: string;
  attempt?: number;
  /** What the attempt before had reported. */
  heartbeatDetails?: unknown;
}

/** Runs an activity as a worker would, as far as our activities can tell. */
export function runActivity<T>(
  work: () => Promise<T>,
  { jobId = 'email_abcdef234567abcdef234567ab', attempt = 1, heartbeatDetails }: RunOptions = {},
): ActivityRun<T> {
  const beats: unknown[] = [];
  const cancelling = new AbortController();
  const info = {
    workflowExecution: { workflowId: jobId, runId: 'run' },
    attempt,
    heartbeatDetails,
    activityType: 'test',
  } as unknown as Info;
  const nobody = undefined as unknown;
  const context = new Context(
    info,
    new Promise<never>(() => undefined),
    cancelling.signal,
    (details) => beats.push(details),
    nobody as ContextParts[4],
    nobody as ContextParts[5],
    nobody as ContextParts[6],
    info as unknown as ContextParts[7],
  );
  return {
    result: asyncLocalStorage.run(context, work),
    beats,
    cancel: () => {
      cancelling.abort(new Error('cancelled'));
    },
  };
}
