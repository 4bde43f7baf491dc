import { activityInfo } from '@temporalio/activity';
import { text } from 'node:stream/consumers';

import { AppError } from '../src/errors.ts';
import type { OutcomeCounts } from '../src/jobs/batch.ts';
import type { ChunkCall, ChunkResult, Opening, OpeningCall } from '../src/jobs/batch-chunk.ts';
import type { EmailContent } from '../src/jobs/email-message.ts';
import type { FileStore } from '../src/jobs/files.ts';
import type { ListedRecipient } from '../src/jobs/recipient-list.ts';
import { resolve } from './claim-check.ts';
import { currentJobId } from './current-job.ts';
import type { Deliverer, Delivering } from './delivery.ts';
import { createVerdicts, shortestPauseMs, type Turn } from './chunk-verdicts.ts';
import { classified } from './failures.ts';
import { type Beat, heartbeating } from './heartbeat.ts';
import type { Elsewhere, MailLane, Route } from './mail-lane.ts';
import type { Claim, DeliveryLedger } from './mail-ports.ts';
import { onLane } from './on-lane.ts';
import { openingOf } from './opening.ts';
import { createLookAhead } from './look-ahead.ts';
import { createPace } from './pace.ts';

export interface BatchDependencies {
  deliverer: Deliverer;
  ledger: Pick<DeliveryLedger, 'claim' | 'settle'>;
  files: Pick<FileStore, 'read'>;
  /** HANDOFF_MAIL_CONNECTIONS: messages on their way at once. */
  connections: number;
  /** Of the provider: messages a second, in all batches and workers together. Default: no limit. */
  rate?: () => Promise<number | undefined>;
  /** Default: there is only one provider. */
  lane?: MailLane;
}

/** The call on its lane. */
type RoutedCall = ChunkCall & { route?: Route };

const outcomes: Partial<Record<Claim['before']['state'], keyof OutcomeCounts>> = {
  sent: 'sent',
  failed: 'failed',
  suppressed: 'suppressed',
  in_doubt: 'inDoubt',
};

const final = ['sent', 'failed', 'suppressed', 'inDoubt'] as const;
/** What is on its way when the job is cancelled or the worker ends may end, in milliseconds. */
const graceMs = 20_000;
/** A heartbeat is encrypted, and costs about as much as a message. */
const tellEveryMs = 2_000;

export function batchActivities({ deliverer, ledger, files, connections, rate, lane }: BatchDependencies) {
  async function recipientsOf({ recipients, start, end }: ChunkCall): Promise<ListedRecipient[]> {
    const lines = await text(files.read(recipients, { start, end: end - 1 }));
    return lines
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as ListedRecipient);
  }

  function deliveriesOf(call: ChunkCall, shared: EmailContent, listed: readonly ListedRecipient[]): Delivering[] {
    const { tenant, category, duplicatePolicy = 'at_least_once' } = call;
    const [jobId, date] = [currentJobId(), new Date(call.date)];
    return listed.map((one, index) => ({
      ...{ tenant, jobId, seq: call.seq + index, recipient: one.address, to: [one.address] },
      ...{ content: contentFor(shared, one), category, duplicatePolicy, date },
    }));
  }

  async function send(call: RoutedCall, { report, signal }: Beat, tellHeld: (times: number) => void): Promise<ChunkResult | Elsewhere> {
    const { from, round, pace, route } = call;
    const ratePerSecond = Math.min(pace?.ratePerSecond ?? Infinity, (await rate?.()) ?? Infinity);
    const isFirstAttempt = activityInfo().attempt === 1;
    const [shared, listed] = await Promise.all([resolve<EmailContent>(call.content, files), recipientsOf(call)]);
    const deliveries = deliveriesOf(call, shared, listed);
    const claims = await ledger.claim(await Promise.all(deliveries.map((delivery) => deliverer.toClaim(delivery))), {
      newCall: isFirstAttempt,
    });
    const turns = claims.map(({ before }): Turn | undefined => outcomes[before.state]);
    const verdicts = createVerdicts(call, (...settlement) => ledger.settle(...settlement));
    const turn = Number.isFinite(ratePerSecond) ? createPace(ratePerSecond, isFirstAttempt ? (pace?.nextTurn ?? null) : null) : undefined;
    const closing = call.until === undefined ? Infinity : Date.parse(call.until);
    const late = latelyAborting(signal);
    let [reached, budget] = [from, pace?.budget ?? Infinity];
    let elsewhere: Elsewhere | undefined;
    let told = Date.now();
    const wanted = createLookAhead(deliveries, (these) => deliverer.suppressed(these));

    async function deliver(index: number, delivery: Delivering, claim: Claim): Promise<Turn> {
      // An attempt of this round before this one has tried it.
      if (!isFirstAttempt && round === 0 && claim.before.code === 'mail_refused_for_now') return 'waiting';
      budget -= 1;
      if (turn !== undefined && !(await turn.turn(signal))) return 'stopped';
      try {
        const { status } = await deliverer.deliver(delivery, claim, late.signal, () => wanted(index));
        verdicts.answered();
        return status;
      } catch (error) {
        const verdict = await verdicts.of(index, claim, error);
        if (verdict === 'waiting') look();
        return verdict;
      }
    }
    /** Whether the provider is down, and whether there is another one. */
    function look(): void {
      if (lane === undefined || route === undefined) return;
      try {
        elsewhere ??= lane.before(route);
      } catch (error) {
        verdicts.hold(error);
      }
    }
    const mayBegin = () =>
      elsewhere === undefined && verdicts.trouble() === undefined && !signal.aborted && budget > 0 && Date.now() < closing;
    const count = (...names: Turn[]) => turns.filter((one) => one !== undefined && names.includes(one)).length;

    async function work(): Promise<void> {
      while (reached < deliveries.length && mayBegin()) {
        const index = reached++;
        const [delivery, claim] = [deliveries[index], claims[index]];
        if (delivery === undefined || claim === undefined || turns[index] !== undefined) continue;
        turns[index] = await deliver(index, delivery, claim);
        if (Date.now() < told + tellEveryMs) continue;
        told = Date.now();
        report({ done: count(...final), total: deliveries.length, unit: 'recipients', stage: 'sending' });
      }
    }

    try {
      await Promise.all(Array.from({ length: connections }, work));
    } finally {
      late.end();
    }
    if (elsewhere !== undefined) return elsewhere;
    for (const [index, given] of await verdicts.end()) turns[index] = given;
    const trouble = verdicts.trouble();
    if (trouble !== undefined) {
      const wrongSettings = trouble instanceof AppError && trouble.code === 'mail_configuration';
      tellHeld(Math.max(...claims.map(({ before }) => before.held)) + (wrongSettings ? 1 : 0));
      throw trouble as Error;
    }
    const stoppedAt = turns.indexOf('stopped');
    const [sent, failed, suppressed, inDoubt] = [count('sent'), count('failed'), count('suppressed'), count('inDoubt')];
    return {
      counts: { sent, failed, suppressed, inDoubt },
      // Those before `from` had their turn in an earlier call.
      waiting: count('waiting') + turns.slice(0, from).filter((one) => one === undefined).length,
      retryInMs: Math.max(verdicts.retryInMs(), shortestPauseMs),
      reached: stoppedAt < 0 ? reached : Math.min(reached, stoppedAt),
      nextTurn: turn?.nextTurn() ?? null,
    };
  }

  return {
    /**
     * Sends to those of a chunk who have no outcome. Repeating it sends to nobody twice: the ledger knows. One recipient's trouble
     * stops nobody else; what troubles all (our settings, the mail server, the database) makes it fail, and it is tried again.
     * Told to stop, it begins nothing more and returns what it has done.
     */
    sendChunk(call: RoutedCall): Promise<ChunkResult | Elsewhere> {
      let uncounted = 0;
      return classified(
        () =>
          onLane(lane, call.route, () =>
            heartbeating((beat) =>
              send(call, beat, (times) => {
                uncounted = times;
              }),
            ),
          ),
        () => ({ uncounted }),
      );
    },
  };
}

export const windowActivities = () => ({
  /** Time zones are no matter for a workflow: what a machine knows of them changes. */
  nextOpening({ window }: OpeningCall): Promise<Opening> {
    return Promise.resolve(openingOf(window, new Date()));
  },
});

/** Each recipient is alone in To, and has the shared variables with his own over them. */
function contentFor(shared: EmailContent, { address, name, variables }: ListedRecipient): EmailContent {
  const { template } = shared;
  return {
    ...shared,
    to: [{ address, ...(name !== undefined && { name }) }],
    ...(template && variables && { template: { ...template, variables: { ...template.variables, ...variables } } }),
  };
}

/** Aborts a while after the other one: what is on its way may end. */
function latelyAborting(signal: AbortSignal): { signal: AbortSignal; end: () => void } {
  const late = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const onAbort = () => {
    timer = setTimeout(() => {
      late.abort(signal.reason);
    }, graceMs);
  };
  if (signal.aborted) onAbort();
  else signal.addEventListener('abort', onAbort, { once: true });
  return {
    signal: late.signal,
    end: () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
    },
  };
}
