import type { Standing } from './concurrency.ts';
import type { Reason } from './explanation.ts';
import type { Job } from './job.ts';
import type { JobFacts } from './status.ts';
import { roughly, sentence, since } from './words.ts';

/** As in `workflows/dead-letters.ts`, which a test compares. */
export const redriveLimit = 10;

/** Its run has not ended, whatever we say of the job. */
export const isOpen = ({ state }: JobFacts) => state === 'RUNNING' || state === 'PAUSED';

export function finished({ status, finishedAt, expiresAt, error }: Job, facts: JobFacts): Reason {
  const at = finishedAt?.toISOString() ?? null;
  const ended = `at ${String(at)}`;
  const problem = error && { code: error.code, message: error.message };
  if (status === 'completed') return { code: 'completed', text: `The job is done: it ended ${ended}.`, facts: { finishedAt: at } };
  if (status === 'cancelled') return { code: 'cancelled', text: `The job was cancelled: it ended ${ended}.`, facts: { finishedAt: at } };
  if (status === 'failed')
    return {
      code: 'failed',
      text: `The job failed ${ended}: ${sentence(error?.message ?? 'no reason is known')}`,
      facts: { finishedAt: at, error: problem },
    };
  const by = expiresAt?.toISOString() ?? null;
  const text = `No worker began the job ${by === null ? 'in time' : `by ${by}, its deadline (ttlSeconds)`}: nothing was done`;
  if (!isOpen(facts)) return { code: 'expired', text: `${text}. It ended ${ended}.`, facts: { finishedAt: at, expiresAt: by } };
  return {
    code: 'expired_unstarted',
    text: `${text}, and nothing will be. The first worker that comes closes it.`,
    facts: { expiresAt: by },
  };
}

export function stuckTask({ stuck }: Job, { workflowTaskAttempt: attempt, workflowTaskScheduledAt: from }: JobFacts): Reason {
  const reason = stuck?.reason ?? 'The workflow task fails.';
  return {
    code: 'stuck_workflow_task',
    text: `The job is stuck: its workflow code has failed ${String(attempt - 1)} times in a row. ${reason} Temporal goes on trying; nothing is lost.`,
    facts: { reason, attempt, since: from?.toISOString() ?? null },
  };
}

export function parked({ deadLetter }: Job): Reason {
  if (deadLetter === null) return { code: 'parked', text: 'The job is parked after its final failure.', facts: {} };
  const { step, reasonClass, error, attempts, redrives, since, closesAt } = deadLetter;
  const redrivesLeft = Math.max(0, redriveLimit - redrives);
  const tries = attempts === null ? '' : ` after ${String(attempts)} ${attempts === 1 ? 'attempt' : 'attempts'}`;
  return {
    code: 'parked',
    text: `The job is parked since ${since.toISOString()}: the step ${step} failed for good${tries}: ${sentence(error.message)} It is closed as failed at ${closesAt.toISOString()} unless somebody decides; it can be retried ${String(redrivesLeft)} more times.`,
    facts: {
      step,
      reasonClass,
      error: { code: error.code, message: error.message },
      attempts,
      since: since.toISOString(),
      closesAt: closesAt.toISOString(),
      redrives,
      redrivesLeft,
    },
  };
}

export function startsLater({ startAt }: Job, now: number): Reason {
  const inSeconds = startAt === null ? null : Math.max(0, Math.round((startAt.getTime() - now) / 1000));
  const at = startAt?.toISOString() ?? null;
  return {
    code: 'starts_later',
    text: `The job is to start at ${String(at)}, in about ${roughly(inSeconds ?? 0)}.`,
    facts: { startAt: at, inSeconds },
  };
}

/** @param standing as a worker tells it; `undefined`: none does. */
export function waitsInLine({ type }: Job, { waitsForPlace }: JobFacts, standing: Standing | undefined): Reason[] {
  const limit = standing === undefined ? (waitsForPlace?.limit ?? null) : standing.limit;
  const { holding = null, ahead = null } = standing ?? {};
  const from = waitsForPlace?.since ?? undefined;
  const place =
    holding === null || ahead === null
      ? 'How many wait before it cannot be told at the moment.'
      : `${String(holding)} ${holding === 1 ? 'has a place' : 'have places'}, and ${String(ahead)} ${ahead === 1 ? 'goes' : 'go'} before it.`;
  const rule =
    limit === null
      ? `the limit on jobs of type ${type} has just been lifted`
      : `at most ${String(limit)} ${limit === 1 ? 'job' : 'jobs'} of type ${type} may be at work at once`;
  return [
    {
      code: 'waiting_for_place',
      text: `The job waits${since(from)} for a place: ${rule}. ${place}`,
      facts: { limit, holding, ahead, since: from?.toISOString() ?? null },
    },
  ];
}

/** With no step open. */
export function waitsByItself({ waits }: JobFacts, now: number): Reason[] {
  if (waits === undefined) return [];
  const { since: from, until = null, chunks = null } = waits;
  const inSeconds = until === null ? null : Math.max(0, Math.round((Date.parse(until) - now) / 1000));
  const soon = `at ${String(until)}, in about ${roughly(inSeconds ?? 0)}`;
  if (waits.for === 'resume')
    return [
      {
        code: 'paused_by_hand',
        text: `The batch is paused by hand since ${from}: nothing is sent until somebody resumes it.`,
        facts: { since: from },
      },
    ];
  if (waits.for === 'window')
    return [
      {
        code: 'outside_send_window',
        text: `Its send window is closed: sending goes on ${soon}.`,
        facts: { since: from, opensAt: until, inSeconds },
      },
    ];
  return [
    {
      code: 'recipients_refused_for_now',
      text: `All recipients have had their turn; those that mail servers refused for now, in ${String(chunks)} chunks of the batch, are tried again ${soon}.`,
      facts: { since: from, nextTryAt: until, inSeconds, chunks },
    },
  ];
}

export function cancellingWaitsForWorker(): Reason {
  return {
    code: 'cancelling_waits_for_worker',
    text: 'Cancellation was asked for; a worker has to run the workflow once more, so that it can clean up and end.',
    facts: {},
  };
}

export function betweenSteps(): Reason {
  return { code: 'between_steps', text: 'No step is open: the workflow decides at this moment what comes next.', facts: {} };
}

/** A deadline counts until the first step has a worker. */
export function expires({ status, expiresAt }: Job, { stepFinished, waitsForPlace }: JobFacts, now: number): Reason[] {
  const hasBegun = stepFinished || waitsForPlace?.again === true;
  if (expiresAt === null || !(status === 'scheduled' || status === 'queued') || hasBegun || expiresAt.getTime() <= now) return [];
  const inSeconds = Math.round((expiresAt.getTime() - now) / 1000);
  return [
    {
      code: 'expires',
      text: `It expires, with nothing done, if no worker has begun by ${expiresAt.toISOString()}, in about ${roughly(inSeconds)}.`,
      facts: { expiresAt: expiresAt.toISOString(), inSeconds },
    },
  ];
}
