import type { Reason } from './explanation.ts';
import type { Step } from './status.ts';
import { attemptWords, progressWords, sentence, since } from './words.ts';

/** Work that sends no heartbeat for this part of its timeout is probably lost: it should send many in that time. */
const overduePart = 0.5;

const lastSign = (step: Step) => step.lastHeartbeatAt ?? step.startedAt;

/** When a worker that has gone silent is given up; null: not by its heartbeat. */
function takenBackAt(step: Step): Date | null {
  const sign = lastSign(step);
  return sign === undefined || step.heartbeatTimeoutMs === null ? null : new Date(sign.getTime() + step.heartbeatTimeoutMs);
}

function isSilent(step: Step, now: number): boolean {
  const back = takenBackAt(step);
  return step.started && back !== null && back.getTime() - now < (step.heartbeatTimeoutMs ?? 0) * (1 - overduePart);
}

/** Its backoff is over, and nobody holds it: it is a worker's turn. */
export function waitsForWorker(step: Step, now: number): boolean {
  return !step.started && !step.paused && !waitsForRetry(step, now);
}

function waitsForRetry({ started, paused, nextAttemptAt }: Step, now: number): boolean {
  return !started && !paused && nextAttemptAt !== undefined && nextAttemptAt.getTime() > now;
}

/** Steps of the same name are told once, by the one that matters most. */
function byName(steps: readonly Step[], first: (one: Step, other: Step) => number): { step: Step; count: number }[] {
  const groups = new Map<string, Step[]>();
  for (const step of steps) groups.set(step.name, [...(groups.get(step.name) ?? []), step]);
  return [...groups.values()].flatMap((group) => {
    const [step] = group.toSorted(first);
    return step === undefined ? [] : [{ step, count: group.length }];
  });
}

const byAttempt = (one: Step, other: Step) => other.attempt - one.attempt;
const byTime = (one: Date | undefined, other: Date | undefined) => (one?.getTime() ?? 0) - (other?.getTime() ?? 0);

const others = (count: number) => (count === 1 ? '' : ` (and ${String(count - 1)} more like it)`);

/** Only code and message: the rest of an error is on the job. */
function errorFacts({ lastFailure }: Step): { code: string; message: string } | null {
  return lastFailure ? { code: lastFailure.code, message: lastFailure.message } : null;
}

const attemptFacts = (step: Step, count: number) => ({
  step: step.name,
  count,
  attempt: step.attempt,
  maximumAttempts: step.maximumAttempts,
  lastError: errorFacts(step),
});

const heldFacts = (step: Step, count: number) => ({
  ...attemptFacts(step, count),
  since: step.startedAt?.toISOString() ?? null,
  lastHeartbeatAt: step.lastHeartbeatAt?.toISOString() ?? null,
});

/** Steps that a worker has: at work, or silent. */
export function heldReasons(steps: readonly Step[], now: number): Reason[] {
  const held = steps.filter((step) => step.started);
  const silent = byName(
    held.filter((step) => isSilent(step, now)),
    (one, other) => byTime(lastSign(one), lastSign(other)),
  );
  const working = byName(
    held.filter((step) => !isSilent(step, now)),
    byAttempt,
  );
  return [
    ...silent.map(({ step, count }): Reason => {
      const back = takenBackAt(step)?.toISOString() ?? null;
      return {
        code: 'no_heartbeat',
        text: `The step ${step.name}${others(count)} was given to a worker, which has been silent${since(lastSign(step))}: it is probably lost. The step is taken back at ${String(back)}.`,
        facts: { ...heldFacts(step, count), takenBackAt: back },
      };
    }),
    ...working.map(({ step, count }): Reason => {
      const progress = step.progress === undefined ? '' : ` So far: ${progressWords(step.progress)}.`;
      const failed = step.lastFailure === undefined ? '' : ` The attempt before failed: ${sentence(step.lastFailure.message)}`;
      return {
        code: 'running_step',
        text: `The step ${step.name}${others(count)} runs${since(step.startedAt)}, ${attemptWords(step.attempt, step.maximumAttempts)}.${progress}${failed}`,
        facts: { ...heldFacts(step, count), progress: step.progress ?? null },
      };
    }),
  ];
}

/** Steps that nobody has and nobody may take yet. */
export function heldBackReasons(steps: readonly Step[], now: number): Reason[] {
  const retrying = byName(
    steps.filter((step) => waitsForRetry(step, now)),
    (one, other) => byTime(one.nextAttemptAt, other.nextAttemptAt),
  );
  const paused = byName(
    steps.filter((step) => step.paused && !step.started),
    byAttempt,
  );
  return [
    ...retrying.map(({ step, count }): Reason => {
      const at = step.nextAttemptAt?.toISOString() ?? null;
      const after = step.lastFailure === undefined ? '.' : ` after: ${sentence(step.lastFailure.message)}`;
      return {
        code: 'waiting_for_retry',
        text: `The step ${step.name}${others(count)} waits for ${attemptWords(step.attempt, step.maximumAttempts)} at ${String(at)}${after}`,
        facts: { ...attemptFacts(step, count), nextAttemptAt: at },
      };
    }),
    ...paused.map(({ step, count }): Reason => ({
      code: 'step_paused',
      text: `The step ${step.name}${others(count)} is paused: an operator holds it back before ${attemptWords(step.attempt, step.maximumAttempts)}.`,
      facts: { ...attemptFacts(step, count), activityId: step.id },
    })),
  ];
}

/** Why a cancellation has not come through. */
export function cancellingReasons(steps: readonly Step[], now: number): Reason[] {
  return byName(
    steps.filter((step) => step.started),
    (one, other) => Number(hears(one, now)) - Number(hears(other, now)),
  ).map(({ step, count }): Reason => {
    const heard = hears(step, now);
    const how =
      step.heartbeatTimeoutMs === null
        ? 'sends no heartbeats, so that it cannot be told: it runs to its end, and the job may still complete'
        : 'has sent no heartbeat lately, so that it cannot be told; its worker is probably lost';
    return {
      code: heard ? 'cancelling_waits_for_step' : 'cancelling_not_heard',
      text: heard
        ? `The step ${step.name}${others(count)} still runs. It is told of the cancellation within seconds, and cleans up.`
        : `The step ${step.name}${others(count)} still runs. It ${how}.`,
      facts: {
        ...heldFacts(step, count),
        heartbeats: step.heartbeatTimeoutMs !== null,
        takenBackAt: takenBackAt(step)?.toISOString() ?? null,
      },
    };
  });
}

const hears = (step: Step, now: number) => step.heartbeatTimeoutMs !== null && !isSilent(step, now);
