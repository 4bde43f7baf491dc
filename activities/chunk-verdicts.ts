import { AppError } from '../src/errors.ts';
import type { OutcomeCounts } from '../src/jobs/batch.ts';
import { pauseAfter } from './failures.ts';
import type { Claim, DeliveryLedger } from './mail-ports.ts';

/** What became of one recipient's turn. `stopped`: he had none, since something is wrong for all. */
export type Turn = keyof OutcomeCounts | 'waiting' | 'stopped';

/** Somebody's trouble, not everybody's. */
const passing = new Set<string>(['mail_refused_for_now', 'mail_server_unreachable', 'delivery_in_doubt', 'timed_out']);
/** So many in a row reach no server: it is not the recipients. */
const patienceWithServer = 5;
/** Of who is refused for no reason that says more, in milliseconds: doubled each round, seven times at most. */
export const shortestPauseMs = 30_000;

/** Judges failures of single recipients of a chunk: whether they are his alone, and what comes of them. */
export interface Verdicts {
  /** A server has taken or refused a message. */
  answered: () => void;
  of: (index: number, claim: Claim, error: unknown) => Promise<Turn>;
  /** Something is wrong for all. */
  hold: (error: unknown) => Turn;
  /** What that is; undefined: nothing. */
  trouble: () => unknown;
  /** Once all turns are over. @returns those who are given up only now, with their places. */
  end: () => Promise<[index: number, turn: Turn][]>;
  /** Until those who wait may be tried again, in milliseconds. */
  retryInMs: () => number;
}

export function createVerdicts({ round, last }: { round: number; last: boolean }, settle: DeliveryLedger['settle']): Verdicts {
  const unreached: { index: number; claim: Claim; error: AppError }[] = [];
  let [inARow, retryInMs] = [0, 0];
  let anybody = false;
  let trouble: unknown;

  function hold(error: unknown): Turn {
    trouble ??= error;
    return 'stopped';
  }

  async function giveUp(claim: Claim, { code, message }: AppError): Promise<Turn> {
    const doubted = code === 'delivery_in_doubt' || claim.before.doubted;
    await settle(claim, { state: doubted ? 'in_doubt' : 'failed', code: doubted ? 'delivery_in_doubt' : code, response: message });
    return doubted ? 'inDoubt' : 'failed';
  }

  function answered(): void {
    inARow = 0;
    anybody = true;
  }

  return {
    answered,
    hold,
    trouble: () => trouble,
    retryInMs: () => retryInMs,

    async of(index, claim, error) {
      if (!(error instanceof AppError)) return hold(error);
      if (!error.retryable) {
        answered();
        return error.code === 'delivery_in_doubt' ? 'inDoubt' : 'failed';
      }
      if (!passing.has(error.code)) return hold(error);
      retryInMs = Math.max(retryInMs, pauseAfter(error, round + 1, false) ?? shortestPauseMs * 2 ** Math.min(round, 7));
      if (error.code !== 'mail_server_unreachable') {
        answered();
        return last ? giveUp(claim, error) : 'waiting';
      }
      inARow += 1;
      if (inARow >= patienceWithServer) return hold(error);
      unreached.push({ index, claim, error });
      return 'waiting';
    },

    async end() {
      // Not one has reached a server: it is no round of theirs.
      if (round === 0 && !anybody) trouble ??= unreached[0]?.error;
      if (trouble !== undefined || !last) return [];
      return Promise.all(unreached.map(async ({ index, claim, error }): Promise<[number, Turn]> => [index, await giveUp(claim, error)]));
    },
  };
}
