import type { Standing } from '../src/jobs/concurrency.ts';

/** How many jobs one limit knows at a time, waiting or at work. Those beyond ask again after some minutes. */
export const longestLine = 15_000;

/** Of a job id: what follows the type and the tag of the tenant, which all jobs of one limit share. */
const tailLength = 20;
/** One payload is to stay below 64 KiB, and a new run is given all jobs: as text, an id with a sign before it. */
const entryLength = 1 + tailLength;
const jobsPerPart = 3_000;
/** Of a job that waits, the sign is its priority. */
const [holderSign, againSign] = ['h', 'a'];
/** 1 goes first. */
export const lastPriority = 5;

/** A place that a job has; another one, once it had given it back and got it again. */
export interface Grant {
  job: string;
  /** Milliseconds since 1970. */
  since: number;
}

export interface LineOptions {
  /** That the ids of all its jobs begin with. */
  prefix: string;
  limit: number;
  /** What a line before has left. */
  carried?: readonly string[];
  /** Milliseconds since 1970. */
  now: number;
}

/** Who has a place and who waits: plain bookkeeping, the same after the same calls. */
export interface Line {
  limit: number;
  /** Repeating it changes nothing, but that a job with a place is told again. Ignored: unknown kinds of ids, and too many. */
  acquire(job: string, priority: number): void;
  /** Wherever it is: at work, or in the line. */
  release(job: string): void;
  /** Whom to tell next that it has a place. */
  next(now: number): Grant | undefined;
  hasNext(): boolean;
  /** Unless the job has another one by now. */
  takeBack(grant: Grant): void;
  readonly holding: number;
  readonly waiting: number;
  standingOf(job: string): Standing;
  /** Up to so many places that were given before a time, in turn. */
  heldSince(before: number, count: number): Grant[];
  carried(): string[];
}

export function createLine({ prefix, limit, carried = [], now }: LineOptions): Line {
  const holders = new Map<string, Grant>();
  const again = new Set<string>();
  /** By priority; each in the order of coming. */
  const lines = Array.from({ length: lastPriority }, () => new Set<string>());
  for (const part of carried)
    for (let at = 0; at < part.length; at += entryLength) {
      const job = prefix + part.slice(at + 1, at + entryLength);
      const sign = part.charAt(at);
      if (sign === againSign) again.add(job);
      if (sign === holderSign || sign === againSign) holders.set(job, { job, since: now });
      else lines[Number(sign) - 1]?.add(job);
    }

  const waiting = () => lines.reduce((sum, { size }) => sum + size, 0);
  const isOurs = (job: string) => job.startsWith(prefix) && job.length === prefix.length + tailLength;
  const first = () => lines.find(({ size }) => size > 0);

  const line: Line = {
    limit,
    acquire(job, priority) {
      if (holders.has(job)) again.add(job);
      else if (isOurs(job) && !lines.some((one) => one.has(job)) && holders.size + waiting() < longestLine)
        lines[Math.min(Math.max(1, Math.round(priority)), lastPriority) - 1]?.add(job);
    },
    release(job) {
      holders.delete(job);
      again.delete(job);
      for (const one of lines) one.delete(job);
    },
    next(at) {
      const [repeated] = again;
      if (repeated !== undefined) {
        again.delete(repeated);
        return holders.get(repeated);
      }
      const urgent = line.hasNext() ? first() : undefined;
      const [job] = urgent ?? [];
      if (job === undefined) return undefined;
      urgent?.delete(job);
      const grant = { job, since: at };
      holders.set(job, grant);
      return grant;
    },
    hasNext: () => again.size > 0 || (holders.size < line.limit && first() !== undefined),
    takeBack(grant) {
      if (holders.get(grant.job) === grant) line.release(grant.job);
    },
    get holding() {
      return holders.size;
    },
    get waiting() {
      return waiting();
    },
    standingOf(job) {
      const place = lines.flatMap((one) => [...one]).indexOf(job);
      return {
        limit: Number.isFinite(line.limit) ? line.limit : null,
        holding: holders.size,
        waiting: waiting(),
        ahead: place < 0 ? null : place,
      };
    },
    heldSince(before, count) {
      const some = [...holders.values()].filter(({ since }) => since < before).slice(0, count);
      for (const grant of some) {
        holders.delete(grant.job);
        holders.set(grant.job, grant);
      }
      return some;
    },
    carried() {
      const entries = [
        ...[...holders.keys()].map((job) => (again.has(job) ? againSign : holderSign) + job.slice(prefix.length)),
        ...lines.flatMap((one, index) => [...one].map((job) => String(index + 1) + job.slice(prefix.length))),
      ];
      const parts: string[] = [];
      for (let at = 0; at < entries.length; at += jobsPerPart) parts.push(entries.slice(at, at + jobsPerPart).join(''));
      return parts;
    },
  };
  return line;
}
