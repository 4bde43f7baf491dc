import { type ErrorCode, errorCodes } from '../errors.ts';
import type { PlaceMemo } from './concurrency.ts';
import { type DeadLetter, type JobError, type Note, type ReasonClass, reasonClasses } from './job.ts';
import { unexplained } from './job-error.ts';
import type { DeadLetterMemo, NewNote } from './messages.ts';
import { defaultPriority } from './options.ts';
import type { Progress } from './progress.ts';

/** What describe can't tell, kept with the run and with every line of a list. Times are RFC 3339. */
export interface JobMemo {
  createdAt?: string;
  fingerprint?: string;
  /** For jobs that count finished steps. */
  plan?: Progress & { total: number };
  startAt?: string;
  ttlSeconds?: number;
  priority?: number;
  labels?: Record<string, string>;
  notes?: NewNote[];
  /** Of a job under a limit on concurrent jobs. */
  place?: PlaceMemo;
  /** While parked. */
  dead?: DeadLetterMemo;
  /** Of a job that was parked or cancelled: what was done by then. */
  outcome?: unknown;
  /** Of a job that tells it itself. */
  progress?: Progress;
  /** What it waits for with no step open. */
  waits?: WaitMemo;
  /** Of a run that is not the first: when the steps of the first began. */
  beganAt?: string;
}

/** Of a batch that is paused by hand, outside its send window, or has only recipients left who were refused for now. */
export interface WaitMemo {
  for: 'resume' | 'window' | 'another try';
  /** RFC 3339. */
  since: string;
  until?: string;
  /** How many chunks are to be tried again. */
  chunks?: number;
}

export interface MemoFacts {
  createdAt: Date | undefined;
  startAt: Date | null;
  /** When the job expires if no worker has begun by then. */
  expiresAt: Date | null;
  priority: number;
  labels: Record<string, string>;
  deadLetter: DeadLetter | null;
  notes: Note[];
}

const timeOf = (text: string | undefined) => (text === undefined ? undefined : new Date(text));

/** @param startTime of the run, for those without a memo of ours. */
export function memoFactsOf(memo: JobMemo, startTime: Date): MemoFacts {
  const [createdAt, startAt] = [timeOf(memo.createdAt), timeOf(memo.startAt)];
  const from = startAt ?? createdAt ?? startTime;
  return {
    createdAt,
    startAt: startAt ?? null,
    expiresAt: memo.ttlSeconds === undefined ? null : new Date(from.getTime() + memo.ttlSeconds * 1000),
    priority: memo.priority ?? defaultPriority,
    labels: memo.labels ?? {},
    deadLetter: memo.dead ? deadLetterOf(memo.dead) : null,
    notes: (memo.notes ?? []).map(({ at, text }) => ({ at: new Date(at), text })),
  };
}

/** Of a job that has no place under its limit: not yet, or, after it was parked, not again. */
export interface WaitsForPlace {
  /** When it got into the line; null: it has not asked yet. */
  since: Date | null;
  /** As it was then. */
  limit: number | null;
  /** It had a place before, and can expire no more. */
  again: boolean;
}

/** `undefined` for a job that needs no place, and for one that has one. */
export function waitsForPlaceOf({ place }: Pick<JobMemo, 'place'>): WaitsForPlace | undefined {
  if (place === undefined || (place.firstAt !== undefined && place.since === undefined)) return undefined;
  return { since: timeOf(place.since) ?? null, limit: place.limit ?? null, again: place.firstAt !== undefined };
}

function deadLetterOf({ step, reasonClass, code, message, attempts, redrives, since, closesAt }: DeadLetterMemo): DeadLetter {
  const known = (errorCodes as readonly string[]).includes(code);
  const error: JobError = known ? { code: code as ErrorCode, message } : unexplained;
  return {
    step,
    reasonClass: (reasonClasses as readonly string[]).includes(reasonClass) ? (reasonClass as ReasonClass) : 'unexpected',
    error,
    attempts,
    redrives,
    since: new Date(since),
    closesAt: new Date(closesAt),
  };
}
