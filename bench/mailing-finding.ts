import { type Finding, show, showSpread } from './finding.ts';
import { ratios, spread } from './statistics.ts';

export interface Sent {
  perSecond: number;
  cpuSecondsPerThousand: number;
}

/** One batch of many recipients. */
export interface Large {
  recipients: number;
  seconds: number;
  /** The most that the worker has grown by at any time. */
  grownMiB: number;
  runs: number;
  /** Events of its longest history. */
  longest: number;
}

export interface Mailing {
  messages: number;
  connections: number;
  rounds: number;
  product: readonly Sent[];
  pool: readonly Sent[];
  celery: readonly Sent[];
  large: Large;
}

const rates = (sent: readonly Sent[]) => sent.map(({ perSecond }) => perSecond);
const costs = (sent: readonly Sent[]) => sent.map(({ cpuSecondsPerThousand }) => cpuSecondsPerThousand);

export function mailingFinding({ messages, connections, rounds, product, pool, celery, large }: Mailing): Finding {
  const [toPool, toCelery] = [ratios(rates(product), rates(pool)), ratios(rates(product), rates(celery))];
  const row = (name: string, sent: readonly Sent[]) => [name, showSpread(spread(rates(sent))), showSpread(spread(costs(sent)), 2)];
  return {
    title: 'Mail to many',
    method: `${show(messages)} messages a round and side, ${String(rounds)} rounds, the same content, ${String(connections)} connections to the same mail server (\`smtp-server\`, in a process of its own; it takes everything). The product: from \`POST /v1/email-batches\` to \`completed\`, with the ledger on PostgreSQL and the history in Temporal. The pool: nodemailer's, all messages handed to it at once. Celery: one task a message, Redis as broker, no results, acknowledged early.`,
    verdicts: [
      { bar: 'at least 0.7 of the rate of a bare nodemailer pool', figure: showSpread(toPool, 2), met: toPool.median >= 0.7 },
      { bar: 'faster than Celery with Redis', figure: `${showSpread(toCelery, 2)} times`, met: toCelery.median > 1 },
      {
        bar: `worker grows by less than 100 MB over ${show(large.recipients)} recipients`,
        figure: `${show(large.grownMiB)} MiB`,
        met: large.grownMiB * 1.048576 < 100,
      },
      { bar: 'no history over 5,000 events', figure: `${show(large.longest)}, in ${String(large.runs)} runs`, met: large.longest < 5_000 },
    ],
    tables: [
      {
        heading: 'Rates, and what they cost',
        columns: ['', 'messages/s', 'CPU s for 1,000 messages'],
        rows: [
          row('batch (api, worker and Temporal; not PostgreSQL)', product),
          row('nodemailer pool', pool),
          row('Celery (workers and Redis)', celery),
        ],
        note: `The batch of ${show(large.recipients)} took ${show(large.seconds)} s: ${show(large.recipients / large.seconds)} messages a second.`,
      },
    ],
  };
}
