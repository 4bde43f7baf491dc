import { adviceFor } from './explain-next.ts';
import { troubleOf, turnOf, type Waiting } from './explain-queues.ts';
import type { Standing } from './concurrency.ts';
import {
  betweenSteps,
  cancellingWaitsForWorker,
  expires,
  finished,
  isOpen,
  parked,
  startsLater,
  stuckTask,
  waitsByItself,
  waitsInLine,
} from './explain-states.ts';
import { cancellingReasons, heldBackReasons, heldReasons, waitsForWorker } from './explain-steps.ts';
import { type Explanation, explanationCodes, type Reason } from './explanation.ts';
import { isFinished, type Job } from './job.ts';
import type { QueueFacts, QueueName } from './queue-facts.ts';
import { isStuck, type JobFacts, type Step } from './status.ts';

export interface Situation {
  job: Job;
  facts: JobFacts;
  /** What is known of `queuesOf`; a queue that is not here is not judged. */
  queues: readonly QueueFacts[];
  /** Of a job that waits for a place; `undefined`: not known. */
  standing?: Standing | undefined;
  /** In milliseconds. */
  now: number;
}

/** The workflow's own code has something to do. */
function waitsForCode({ job: { status }, facts }: Pick<Situation, 'job' | 'facts'>): boolean {
  return isOpen(facts) && (facts.workflowTaskAttempt > 0 || (!facts.begun && status !== 'scheduled'));
}

const openSteps = ({ job: { status }, facts }: Pick<Situation, 'job' | 'facts'>, now: number): Step[] =>
  isOpen(facts) && status !== 'cancelling' ? facts.steps.filter((step) => waitsForWorker(step, now)) : [];

/** The queues that matter for where this job is; in the order of asking. @param taskQueue of the workflow. */
export function queuesOf(situation: Pick<Situation, 'job' | 'facts' | 'now'>, taskQueue: string): QueueName[] {
  const names = new Set(openSteps(situation, situation.now).flatMap((step) => step.taskQueue ?? []));
  return [
    ...(waitsForCode(situation) ? [{ name: taskQueue, kind: 'workflow' as const }] : []),
    ...[...names].map((name) => ({ name, kind: 'activity' as const })),
  ];
}

/** Why the job is where it is, and what to do. */
export function explain(situation: Situation): Explanation {
  const { job } = situation;
  const weight = ({ code }: Reason) => explanationCodes.indexOf(code);
  const because = reasonsOf(situation).toSorted((one, other) => weight(one) - weight(other));
  return { status: job.status, stuck: job.stuck !== null, because, next: adviceFor(because, job) };
}

function reasonsOf(situation: Situation): Reason[] {
  const { job, facts, now } = situation;
  const code = codeReasons(situation);
  if (isFinished(job.status)) return [finished(job, facts), ...code.filter((reason) => reason.code === 'no_worker')];
  const reasons = [
    ...code,
    ...(job.status === 'dead_lettered' ? [parked(job)] : []),
    ...(job.status === 'scheduled' ? [startsLater(job, now)] : []),
    ...(isOpen(facts) && job.status !== 'cancelling' && facts.steps.length === 0 ? waitsByItself(facts, now) : []),
    ...(isInLine(situation) ? waitsInLine(job, facts, situation.standing) : []),
    ...(job.status === 'cancelling'
      ? cancellingReasons(facts.steps, now)
      : [...heldReasons(facts.steps, now), ...heldBackReasons(facts.steps, now), ...queuedSteps(situation)]),
  ];
  if (reasons.length === 0) reasons.push(job.status === 'cancelling' ? cancellingWaitsForWorker() : betweenSteps());
  return [...reasons, ...expires(job, facts, now)];
}

/** It has asked for a place under a limit, and nothing else keeps it. */
export function isInLine({ job: { status }, facts: { waitsForPlace } }: Pick<Situation, 'job' | 'facts'>): boolean {
  return status === 'queued' && waitsForPlace?.since instanceof Date;
}

/** Of workflow code: it is to begin, to go on, or to obey; or it can't. */
function codeReasons(situation: Situation): Reason[] {
  const { job, facts, queues } = situation;
  const stuck: Reason[] = isStuck(facts) ? [stuckTask(job, facts)] : [];
  const queue = queues.find(({ kind }) => kind === 'workflow');
  if (!waitsForCode(situation)) return stuck;
  if (job.status === 'cancelling') stuck.push(cancellingWaitsForWorker());
  if (queue === undefined) return stuck;
  const waiting = { queue, count: 1, since: facts.workflowTaskScheduledAt, priority: job.priority };
  const trouble = troubleOf(waiting);
  const onlyThis =
    facts.steps.length === 0 && !isInLine(situation) && (job.status === 'queued' || job.status === 'running') && !isStuck(facts);
  if (trouble.some(isStandstill) || !onlyThis) return [...stuck, ...trouble];
  const turn = turnOf(waiting);
  return [...stuck, ...trouble, facts.begun && turn.code === 'waiting_for_worker' ? betweenSteps() : turn];
}

/** Its place in the queue does not matter then. */
const isStandstill = ({ code }: Reason) => code === 'no_worker' || code === 'no_step_worker' || code === 'queue_paused';

/** Steps that wait for a worker, told once for each queue and name. */
function queuedSteps(situation: Situation): Reason[] {
  const { job, queues, now } = situation;
  const groups = new Map<string, Waiting>();
  for (const { name, taskQueue, scheduledAt } of openSteps(situation, now)) {
    const queue = queues.find((one) => one.kind === 'activity' && one.name === taskQueue);
    if (queue === undefined) continue;
    const group = groups.get(`${queue.name} ${name}`) ?? { queue, step: name, count: 0, since: scheduledAt, priority: job.priority };
    groups.set(`${queue.name} ${name}`, { ...group, since: earlier(group.since, scheduledAt), count: group.count + 1 });
  }
  return [...groups.values()].flatMap((waiting) => {
    const trouble = troubleOf(waiting);
    return trouble.some(isStandstill) ? trouble : [...trouble, turnOf(waiting)];
  });
}

const earlier = (one?: Date, other?: Date) => (one === undefined || (other !== undefined && other < one) ? other : one);
