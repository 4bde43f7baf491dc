import {
  type ActivityFailure,
  ApplicationFailure,
  CancellationScope,
  CancelledFailure,
  condition,
  defineSignal,
  setHandler,
  upsertMemo,
  upsertSearchAttributes,
} from '@temporalio/workflow';

import type { Continued } from '../src/jobs/definition.ts';
import type { DeadLetterMemo, Discard, NewNote, Retry } from '../src/jobs/messages.ts';
import { attemptsOf, isExhausted, reasonClassOf, replyOf } from './failure.ts';
import type { StepName } from './policies.ts';

// These also come by hand, from Temporal's CLI and Web UI, with whatever was typed: an error here would stop the workflow for good.
const retrySignal = defineSignal<[(Retry | null)?]>('retrySignal');
const discardSignal = defineSignal<[(Discard | null)?]>('discardSignal');
const noteSignal = defineSignal<[(Partial<NewNote> | null)?]>('noteSignal');

/** How often one job may be retried by hand: a poison job must not go round for ever. */
const redriveLimit = 10;
/** How long a dead letter waits for a decision. */
const patienceDays = 30;
const patienceMs = patienceDays * 86_400_000;
const keptNotes = 20;

type Decision = { action: 'retry' } | { action: 'discard'; reason: string };

export interface DeadLetters {
  /**
   * Runs a step. When its retries are used up the job parks: it waits for `retrySignal` (the step runs again), `discardSignal`,
   * cancellation, or 30 days. Any other failure is thrown as it is.
   */
  parking: <T>(step: StepName, run: () => Promise<T>) => Promise<T>;
  /** For a run that goes on with the job. */
  carried: () => Pick<Continued, 'redrives' | 'notes'>;
}

export interface DeadLettersOptions {
  maximumAttempts: (step: StepName) => number | undefined;
  /** Says in the memo what has been achieved so far, for whoever decides. */
  tellOutcome: () => void;
  /** Gives back what nobody must hold while it waits for a decision. */
  rest: (() => Promise<void>) | undefined;
  /** What a run before has left. */
  before: Pick<Continued, 'redrives' | 'notes'> | undefined;
}

/** Call it before the first await of the workflow: signals may be there already. */
export function createDeadLetters({ maximumAttempts, tellOutcome, rest, before }: DeadLettersOptions): DeadLetters {
  // A decision counts only for the failure that it was made for: a late one must not discard the next.
  let parked = false;
  let decision: Decision | undefined;
  let redrives = before?.redrives ?? 0;
  const notes: NewNote[] = [...(before?.notes ?? [])];
  function decide(made: Decision, madeFor = redrives): void {
    if (parked && madeFor === redrives) decision ??= made;
  }
  setHandler(retrySignal, (retry) => {
    decide({ action: 'retry' }, retry?.redrives);
  });
  setHandler(discardSignal, (discard) => {
    const reason = textOr('Discarded without a reason.', discard?.reason);
    decide({ action: 'discard', reason }, discard?.redrives);
  });
  setHandler(noteSignal, (note) => {
    const text = textOr('', note?.text);
    if (text === '') return;
    const at = Date.parse(textOr('', note?.at)) || Date.now();
    notes.splice(0, notes.length - keptNotes + 1);
    notes.push({ text, at: new Date(at).toISOString() });
    upsertMemo({ notes: [...notes] });
  });

  function factsOf(step: StepName, failure: ActivityFailure): DeadLetterMemo {
    const { type, message } = replyOf(failure);
    return {
      step,
      reasonClass: reasonClassOf(type),
      code: type,
      message,
      attempts: attemptsOf(failure, maximumAttempts(step)),
      redrives,
      since: new Date().toISOString(),
      closesAt: new Date(Date.now() + patienceMs).toISOString(),
    };
  }

  /** @returns undefined when nobody decided. */
  async function decided(step: StepName, failure: ActivityFailure): Promise<Decision | undefined> {
    parked = true;
    decision = undefined;
    upsertSearchAttributes({ HandoffState: ['dead_lettered'] });
    upsertMemo({ dead: factsOf(step, failure) });
    tellOutcome();
    try {
      if (rest) await rest();
      await condition(() => decision !== undefined, patienceMs);
      return decision;
    } finally {
      // Also when the job is cancelled meanwhile; null takes the key out.
      parked = false;
      upsertSearchAttributes({ HandoffState: [] });
      upsertMemo({ dead: null });
    }
  }

  function closed(type: string, message: string, failure: ActivityFailure): ApplicationFailure {
    const { type: code, message: detail } = replyOf(failure);
    return ApplicationFailure.create({ type, message, nonRetryable: true, cause: failure, details: [{ lastError: { code, detail } }] });
  }

  return {
    carried: () => ({ redrives, notes }),
    async parking(step, run) {
      for (;;) {
        try {
          return await run();
        } catch (failure) {
          if (!isExhausted(failure)) throw failure;
          // It failed while it was told to stop.
          if (CancellationScope.current().consideredCancelled) throw new CancelledFailure('Cancelled');
          if (redrives >= redriveLimit)
            throw closed('redrive_limit_reached', `Failed again after ${String(redriveLimit)} retries by hand.`, failure);
          const made = await decided(step, failure);
          if (made === undefined) throw closed('dead_letter_expired', `Nobody decided within ${String(patienceDays)} days.`, failure);
          if (made.action === 'discard') throw closed('discarded', made.reason, failure);
          redrives += 1;
        }
      }
    },
  };
}

function textOr(fallback: string, value: unknown): string {
  return typeof value === 'string' && value !== '' ? value : fallback;
}
