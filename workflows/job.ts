import {
  ActivityFailure,
  ApplicationFailure,
  ContinueAsNew,
  isCancellation,
  makeContinueAsNewFunc,
  sleep,
  upsertMemo,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';

import type { Activities } from '../activities/index.ts';
import type { Elsewhere } from '../activities/mail-lane.ts';
import type { Continued, JobArgs } from '../src/jobs/definition.ts';
import type { RetryOptions } from '../src/jobs/options.ts';
import { type Again, again } from './again.ts';
import { createDeadLetters } from './dead-letters.ts';
import { foundNoWorker, isExhausted, replyOf } from './failure.ts';
import { createPlace } from './place.ts';
import { activity, maximumAttemptsOf, type StepName } from './policies.ts';
import { type Begun, expired, untilStartTime } from './start-time.ts';

type ArgumentOf<Name extends StepName> = Parameters<Activities[Name]>[0];
/** Where it is done is nothing that a job type has to know. */
type ResultOf<Name extends StepName> = Exclude<Awaited<ReturnType<Activities[Name]>>, Elsewhere>;

/** What the steps of a job type are given. */
export interface JobContext<Result> {
  /**
   * One activity under its policy, with the retries that the job asked for. When they are used up the job parks, and goes on
   * with this very step when it is retried: steps before it are not run again.
   * @param summary what the Web UI shows beside it (no personal data).
   */
  step: <Name extends StepName>(name: Name, summary?: string) => (argument: ArgumentOf<Name>) => Promise<ResultOf<Name>>;
  /**
   * The same activity for each item, all at once: one item's trouble neither blocks nor repeats another's. Parks while some have
   * used up their retries; only those run again. Resolves with what became of each, failures that no retry can help included.
   */
  stepForEach: <Name extends StepName, Item>(
    name: Name,
    items: readonly Item[],
    call: (item: Item, index: number) => { summary?: string; argument: ArgumentOf<Name> },
    settled: PromiseSettledResult<ResultOf<Name>>[],
  ) => Promise<void>;
  /**
   * A part of the job that calls one activity as often and as many at once as it wants. When it throws that the retries of one
   * are used up the job parks, and the whole part runs again when it is retried: call it only once all of its calls have ended.
   */
  stepWithin: <Name extends StepName, T>(
    name: Name,
    part: (call: (argument: ArgumentOf<Name>) => Promise<ResultOf<Name>>) => Promise<T>,
  ) => Promise<T>;
  /** Gives back what nobody must hold while it waits for long; it comes back with the next step. */
  rest: () => Promise<void>;
  /** Ends this run; another one goes on, with `state` as `carried`. Call it with no step open. */
  goOn: (state: unknown) => Promise<never>;
  /** What the run before has left to this one. */
  carried: unknown;
  /** As the job was asked to retry. */
  retry: RetryOptions | undefined;
  /** Says how to tell what was done so far, for a job that is cancelled, parked or discarded in the middle. */
  achieves: (outcome: () => Partial<Result>) => void;
  /** The job says itself when its steps are tried again. */
  ownPauses: boolean;
  /** When the steps began, by the workflow's clock. */
  beganAt: Date;
}

/** A workflow that has the whole life of a job: start time, expiry, dead letters, honest cancellation. */
export type JobWorkflow<Input, Result> = ((args: JobArgs<Input>) => Promise<Result>) & { readonly isJob: true };

/** Makes a workflow of the steps of a job type. */
export function job<Input, Result>(
  steps: (args: { tenant: string; input: Input }, context: JobContext<Result>) => Promise<Result>,
): JobWorkflow<Input, Result> {
  async function workflow(args: JobArgs<Input>): Promise<Result> {
    let outcome: () => Partial<Result> | undefined = () => undefined;
    let told = 'null';
    const { continued } = args;
    const { retry, limitedBy } = args.options ?? {};
    const tellOutcome = (): void => {
      const now = outcome();
      const text = JSON.stringify(now ?? null);
      if (text === told) return;
      told = text;
      upsertMemo({ outcome: text.length <= longestOutcome ? now : null });
    };
    const place = limitedBy === undefined ? undefined : createPlace(args.tenant, limitedBy, continued?.place);
    const deadLetters = createDeadLetters({
      maximumAttempts: (name) => maximumAttemptsOf(name, retry),
      tellOutcome,
      rest: place?.rest,
      before: continued,
    });
    let goesOn = false;
    try {
      const { input, ...begun } = continued ? begunBefore(args.input, continued) : await untilStartTime(args);
      return await steps({ tenant: args.tenant, input }, contextOf(input, begun));
    } catch (error) {
      if (error instanceof ContinueAsNew) {
        goesOn = true;
        throw error;
      }
      // What was told when it was parked may have changed since.
      if (isCancellation(error) || told !== 'null') tellOutcome();
      if (!hasExpired(error)) throw error;
      upsertSearchAttributes({ HandoffState: ['expired'] });
      throw expired();
    } finally {
      if (place && !goesOn) await place.leave();
    }

    function contextOf(input: Input, { deadline, priority }: Omit<Begun<Input>, 'input'>): JobContext<Result> {
      const beganAt = continued === undefined ? new Date() : new Date(continued.beganAt);
      // From then on it can't expire.
      let begun = continued !== undefined;
      /** One call after another, for as long as one may follow: all of them are one step. */
      const attempt = async <Name extends StepName>(name: Name, argument: ArgumentOf<Name>, summary?: string): Promise<ResultOf<Name>> => {
        const since = Date.now();
        let next: Again | undefined;
        for (;;) {
          try {
            return await call(name, argument, summary, next);
          } catch (failure) {
            next = again(name, failure, since);
            if (next === undefined) throw failure;
            await sleep(next.afterMs);
          }
        }
      };
      const call = async <Name extends StepName>(
        name: Name,
        argument: ArgumentOf<Name>,
        summary: string | undefined,
        next: Again | undefined,
        moved?: { lane: string | undefined; since: number },
      ): Promise<ResultOf<Name>> => {
        const since = moved?.since ?? Date.now();
        const timeLeft = deadline === undefined || begun ? undefined : deadline - Date.now();
        if (timeLeft !== undefined && timeLeft <= 0) throw expired();
        const run = activity(name, {
          ...{ summary, priority, scheduleToStartTimeout: timeLeft, scheduleToCloseTimeout: next?.scheduleToCloseMs },
          ...(moved && { lane: moved.lane, spentMs: Date.now() - since }),
          retry: next?.maximumAttempts === undefined ? retry : { ...retry, maximumAttempts: next.maximumAttempts },
        }) as (one: typeof argument) => Promise<ResultOf<Name> | Elsewhere>;
        let result: ResultOf<Name> | Elsewhere;
        try {
          result = await run(argument);
          begun ||= !isElsewhere(result);
        } catch (failure) {
          begun ||= !hasExpired(failure);
          // The limit was meant for the first attempt only.
          if (timeLeft !== undefined && foundNoWorker(failure)) return call(name, argument, summary, next, moved);
          throw failure;
        }
        if (!isElsewhere(result)) return result;
        return call(name, { ...argument, route: result.route }, summary, next, { lane: result.lane ?? undefined, since });
      };
      /** Parks a job that has used up its retries, and lets one that is limited wait for a place, each time anew. */
      const parking = <T>(name: StepName, run: () => Promise<T>): Promise<T> =>
        deadLetters.parking(name, () => {
          if (place === undefined) return run();
          const turn = { priority: priority ?? workflowInfo().priority?.priorityKey, deadline: begun ? undefined : deadline };
          return place.during(turn, run);
        });
      return {
        step: (name, summary) => (argument) => parking(name, () => attempt(name, argument, summary)),
        stepForEach: (name, items, call, settled) =>
          parking(name, async () => {
            const runWhere = (isOpen: (outcome: (typeof settled)[number] | undefined) => boolean) =>
              Promise.all(
                items.map(async (item, index) => {
                  if (!isOpen(settled[index])) return;
                  const { argument, summary } = call(item, index);
                  [settled[index]] = await Promise.allSettled([attempt(name, argument, summary)]);
                }),
              );
            await runWhere((one) => one === undefined || (one.status === 'rejected' && isExhausted(one.reason)));
            // Of a job that has begun every item is worked on, however late.
            if (begun) await runWhere((one) => one?.status === 'rejected' && hasExpired(one.reason));
            const reasons = settled.flatMap((one) => (one.status === 'rejected' ? [one.reason as unknown] : []));
            const stopper = reasons.find((reason) => isCancellation(reason)) ?? reasons.find(isExhausted);
            if (stopper !== undefined) throw stopper as Error;
          }),
        stepWithin: (name, part) => parking(name, () => part((argument) => attempt(name, argument))),
        rest: async () => {
          if (place) await place.rest();
        },
        goOn: (state) => {
          const next: Continued = {
            state,
            beganAt: beganAt.toISOString(),
            ...(priority !== undefined && { priority }),
            ...deadLetters.carried(),
            ...(place && { place: place.carried() }),
          };
          const options = { ...(retry && { retry }), ...(limitedBy !== undefined && { limitedBy }) };
          // eslint-disable-next-line @typescript-eslint/no-deprecated -- the typed form needs the definition of each key here
          const { memo, searchAttributes } = workflowInfo();
          // By itself the server gives on only what the run was started with.
          const go = makeContinueAsNewFunc<typeof workflow>({ memo: { ...memo, beganAt: next.beganAt }, searchAttributes });
          return go({ tenant: args.tenant, input, options, continued: next });
        },
        carried: continued?.state,
        retry,
        achieves: (tell) => {
          outcome = tell;
        },
        ownPauses: retry !== undefined,
        beganAt,
      };
    }
  }
  return Object.assign(workflow, { isJob: true as const });
}

/** Its start time has come, and it can't expire any more. */
function begunBefore<Input>(input: Input, { priority }: Continued): Begun<Input> {
  return { input, deadline: undefined, priority };
}

/** In characters of JSON: the memo comes back with every describe and every line of a list. */
const longestOutcome = 32_768;

function isElsewhere(result: unknown): result is Elsewhere {
  return (result as { status?: unknown } | null | undefined)?.status === 'elsewhere';
}

function hasExpired(error: unknown): boolean {
  return (error instanceof ApplicationFailure || error instanceof ActivityFailure) && replyOf(error).type === 'expired';
}
