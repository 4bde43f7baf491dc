import type { Reason } from './explanation.ts';
import { type QueueFacts, pollerFreshMs } from './queue-facts.ts';
import { roughly, since } from './words.ts';

/** Something of a job that waits in a queue. */
export interface Waiting {
  queue: QueueFacts;
  /** Activity Type; undefined: the job's own workflow code. */
  step?: string;
  /** How many of this job wait there. */
  count: number;
  since: Date | undefined;
  /** 1 first … 5 last. */
  priority: number;
}

/** What keeps it from going on, whatever else there is to say; empty while the queue is in order. */
export function troubleOf(waiting: Waiting): Reason[] {
  const { queue, step, count } = waiting;
  const place = { taskQueue: queue.name, ...(step !== undefined && { step, count }), waitingSince: waiting.since?.toISOString() ?? null };
  const thing = step === undefined ? 'The job waits' : `The step ${step} waits`;
  const reasons: Reason[] = [];
  if (!queue.served)
    reasons.push({
      code: step === undefined ? 'no_worker' : 'no_step_worker',
      text: `${thing}${since(waiting.since)} in the Task Queue ${queue.name}, where no worker has asked for work for ${String(pollerFreshMs / 1000)} s, or told that it is alive: none serves it.`,
      facts: { ...place, lastPolledAt: queue.lastPolledAt?.toISOString() ?? null },
    });
  if (queue.rateLimit === 0)
    reasons.push({
      code: 'queue_paused',
      text: `The Task Queue ${queue.name} is paused${since(queue.limitedSince ?? undefined)}: an operator has set its rate limit to 0.`,
      facts: { ...place, since: queue.limitedSince?.toISOString() ?? null },
    });
  else if (queue.rateLimit !== null && queue.limiting)
    reasons.push({
      code: 'queue_rate_limited',
      text: `The Task Queue ${queue.name} hands out at most ${String(round(queue.rateLimit))} tasks a second, and that limit has been reached.`,
      facts: { ...place, tasksPerSecond: round(queue.rateLimit), since: queue.limitedSince?.toISOString() ?? null },
    });
  return reasons;
}

/** Its place in a queue that works. */
export function turnOf({ queue, step, count, since: from, priority }: Waiting): Reason {
  const ahead = aheadOf(queue, priority, count);
  const place = { taskQueue: queue.name, ...(step !== undefined && { step, count }), waitingSince: from?.toISOString() ?? null };
  const thing = step === undefined ? 'The job' : `The step ${step}`;
  if (ahead === 0)
    return {
      code: 'waiting_for_worker',
      text: `${thing} waits${since(from)} in the Task Queue ${queue.name}. Workers serve it and little is before it: one should take it soon.`,
      facts: place,
    };
  const estimatedSeconds = queue.dispatchRate > 0 ? Math.ceil(ahead / queue.dispatchRate) : null;
  const pace =
    estimatedSeconds === null ? 'How long that takes is not known' : `At the present pace that takes about ${roughly(estimatedSeconds)}`;
  return {
    code: 'backlog_ahead',
    text: `${thing} waits${since(from)} in the Task Queue ${queue.name}, where about ${String(ahead)} others of the same or a more urgent priority wait, too. ${pace}.`,
    facts: { ...place, ahead, priority, tasksPerSecond: round(queue.dispatchRate), estimatedSeconds },
  };
}

function aheadOf({ backlog }: QueueFacts, priority: number, own: number): number {
  const atMost = [...backlog].filter(([key]) => key <= priority).reduce((sum, [, count]) => sum + count, 0);
  return Math.max(0, atMost - own);
}

const round = (rate: number) => Number(rate.toPrecision(3));
