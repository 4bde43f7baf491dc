import type { BatchInput, OutcomeCounts } from '../src/jobs/batch.ts';
import type { ChunkResult } from '../src/jobs/batch-chunk.ts';
import type { RetryOptions } from '../src/jobs/options.ts';

/** As in `src/jobs/recipient-list.ts`, which can't be imported here. */
const chunkSize = 100;
/** How long somebody who is refused for now is tried again, from the first time on. */
const patienceMs = 24 * 3_600_000;

/** A chunk that has somebody without an outcome. Times are in milliseconds since 1970. */
export interface Piece {
  chunk: number;
  /** How many of it have had their turn in this round. */
  from: number;
  /** Not before. */
  at: number;
  round: number;
  /** When the first one of it was refused for now; 0: none was. */
  since: number;
  /** Of those who were refused in this round: until they may be tried again, in milliseconds. */
  delay: number;
  counted: OutcomeCounts;
}

/** What a run leaves to the next one: as short as it can be, since there may be a thousand pieces. */
export interface PackedPlan {
  next: number;
  counts: OutcomeCounts;
  open: number[][];
}

/** What is to be done of a batch: plain bookkeeping, the same after the same calls. */
export interface BatchPlan {
  readonly counts: OutcomeCounts;
  /** How many have an outcome. */
  done: () => number;
  /** Whoever takes a piece accounts for it or puts it back. */
  take: (now: number) => Piece | undefined;
  putBack: (piece: Piece) => void;
  account: (piece: Piece, result: ChunkResult, now: number) => void;
  /** Nobody may be tried once more after this one. */
  isLast: (piece: Piece, now: number) => boolean;
  /** When there is something to take; undefined: never, all is done. */
  dueAt: () => number | undefined;
  /** How many chunks wait for another round. */
  waiting: () => number;
  packed: () => PackedPlan;
}

const none = (): OutcomeCounts => ({ sent: 0, failed: 0, suppressed: 0, inDoubt: 0 });
const names = ['sent', 'failed', 'suppressed', 'inDoubt'] as const satisfies (keyof OutcomeCounts)[];

const pack = ({ chunk, from, at, round, since, delay, counted }: Piece): number[] => [
  ...[chunk, from, at, round, since, delay],
  ...names.map((name) => counted[name]),
];

function unpack([chunk = 0, from = 0, at = 0, round = 0, since = 0, delay = 0, ...counts]: number[]): Piece {
  const [sent = 0, failed = 0, suppressed = 0, inDoubt = 0] = counts;
  return { chunk, from, at, round, since, delay, counted: { sent, failed, suppressed, inDoubt } };
}

export function createBatchPlan(
  { count, offsets }: Pick<BatchInput, 'count' | 'offsets'>,
  retry: RetryOptions | undefined,
  before: PackedPlan | undefined,
): BatchPlan {
  const chunks = offsets.length - 1;
  const counts: OutcomeCounts = { ...(before?.counts ?? none()) };
  const open = (before?.open ?? []).map(unpack);
  let next = before?.next ?? 0;

  /** What the job asked for wins over what the servers said. */
  function delayOf({ delay, round }: Piece): number {
    if (retry?.initialIntervalSeconds === undefined && retry?.maximumIntervalSeconds === undefined) return delay;
    const { initialIntervalSeconds = 1, backoffCoefficient = 2, maximumIntervalSeconds = Infinity } = retry;
    return Math.min(initialIntervalSeconds * backoffCoefficient ** round, maximumIntervalSeconds) * 1_000;
  }

  return {
    counts,
    done: () => names.reduce((sum, name) => sum + counts[name], 0),
    take(now) {
      const index = open.findIndex(({ at }) => at <= now);
      if (index >= 0) return open.splice(index, 1)[0];
      if (next >= chunks) return undefined;
      return { chunk: next++, from: 0, at: 0, round: 0, since: 0, delay: 0, counted: none() };
    },
    putBack(piece) {
      open.unshift({ ...piece, at: 0 });
    },
    account(piece, { counts: counted, reached, waiting, retryInMs }, now) {
      for (const name of names) counts[name] += counted[name] - piece.counted[name];
      const delay = Math.max(piece.delay, retryInMs);
      const since = piece.since === 0 && waiting > 0 ? now : piece.since;
      const size = Math.min(chunkSize, count - piece.chunk * chunkSize);
      if (reached < size) open.unshift({ ...piece, from: reached, at: 0, since, delay, counted });
      else if (waiting > 0)
        open.push({ ...piece, from: 0, at: now + delayOf({ ...piece, delay }), round: piece.round + 1, since, delay: 0, counted });
    },
    isLast: ({ round, since }, now) =>
      (since !== 0 && now >= since + patienceMs) || (retry?.maximumAttempts !== undefined && round + 1 >= retry.maximumAttempts),
    dueAt: () => (next < chunks ? 0 : open.length === 0 ? undefined : Math.min(...open.map(({ at }) => at))),
    waiting: () => open.filter(({ round, at }) => round > 0 && at > 0).length,
    packed: () => ({ next, counts: { ...counts }, open: open.map(pack) }),
  };
}
