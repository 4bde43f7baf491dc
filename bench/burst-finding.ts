import { type Finding, show } from './finding.ts';
import type { BurstAccepted } from './peers/burst.ts';
import { quantile } from './statistics.ts';

export type BurstSide = 'product' | 'bare';

export interface Drained extends BurstAccepted {
  asked: number;
  /** By `ExecutionStatus`, as Visibility counts them. */
  counted: Record<string, number>;
  /** By Workflow Id; `undefined`: not completed. In milliseconds since 1970. */
  found: Map<string, number | undefined>;
  /** What the mail server has taken. */
  mails: number;
  /** Of each process until the last job was completed, in milliseconds. */
  cpu: Record<string, number>;
}

const names: Record<BurstSide, string> = {
  product: 'product: `POST /v1/emails`',
  bare: 'bare: `client.workflow.start`, and a workflow with one activity',
};

export function burstFinding(drained: Record<BurstSide, Drained>, width: number): Finding {
  const sides = ['product', 'bare'] as const;
  const facts = { product: factsOf(drained.product), bare: factsOf(drained.bare) };
  const { asked, counted } = drained.product;
  const { accepted, completed, lost } = facts.product;
  const others = (['p50', 'p99', 'acceptSeconds', 'drainSeconds'] as const).map((key) => show(facts.product[key] / facts.bare[key], 2));
  return {
    title: 'Burst',
    method: `${show(asked)} e-mail jobs from ${String(width)} connections as fast as they are taken, while one worker works; nothing is repeated. One burst a side, the bare one first, on one Temporal server with both workers polling.
The bare side is one process with a native connection that starts a workflow whose one activity, on a Task Queue of its own, sends the same mail with the product's SMTP sender to the same sink; its worker has the product's settings. It has no memo and no search attributes.`,
    verdicts: [
      {
        bar: `all ${show(asked)} accepted, and each accepted one completed in Temporal`,
        figure: `${show(accepted)} accepted, ${show(completed)} completed, ${show(lost)} lost`,
        met: accepted === asked && completed === asked && lost === 0 && (counted['Completed'] ?? 0) === asked,
      },
    ],
    tables: [
      {
        heading: 'Accepted and drained',
        columns: ['', 'jobs accepted/s', 'p50 ms', 'p99 ms', 'all accepted after s', 'last completed after s', 'jobs done/s'],
        rows: [
          ...sides.map((side) => {
            const { p50, p99, acceptSeconds, drainSeconds, accepted: jobs } = facts[side];
            const seconds = [show(acceptSeconds, 1), show(drainSeconds, 1)];
            return [names[side], show(jobs / acceptSeconds), show(p50, 1), show(p99, 1), ...seconds, show(jobs / drainSeconds, 1)];
          }),
          [
            'product / bare',
            show(facts.product.accepted / facts.product.acceptSeconds / (facts.bare.accepted / facts.bare.acceptSeconds), 2),
            ...others,
            '',
          ],
        ],
        note: 'Seconds count from the first call; the last completion is the latest close time in Temporal.',
      },
      {
        heading: 'Counted afterwards, through Temporal and at the mail server',
        columns: ['', 'accepted', 'refused', 'completed', 'other', 'lost', 'never answered', 'mails taken'],
        rows: sides.map((side) => {
          const { accepted: jobs, refused, completed: done, other, lost: gone, unanswered } = facts[side];
          return [names[side], show(jobs), refused, ...[done, other, gone, unanswered, drained[side].mails].map((value) => show(value))];
        }),
        note: 'Lost: accepted, and not in Temporal’s list of runs that started since the first call. Never answered: the other way round.',
      },
      {
        heading: 'Processor time per job, in ms',
        columns: ['', 'api', 'caller', 'worker', 'Temporal'],
        rows: sides.map((side) => [
          names[side],
          ...['api', 'caller', 'worker', 'temporal'].map((process) => show((drained[side].cpu[process] ?? 0) / facts[side].accepted, 2)),
        ]),
      },
    ],
  };
}

function factsOf({ ids, latencies, refused, from, to, counted, found }: Drained) {
  const accepted = new Set(ids);
  const closings = ids.flatMap((id) => found.get(id) ?? []);
  const listed = Object.values(counted).reduce((sum, count) => sum + count, 0);
  return {
    accepted: accepted.size,
    refused:
      Object.entries(refused)
        .map(([what, count]) => `${show(count)} × ${what}`)
        .join(', ') || '0',
    completed: closings.length,
    other: listed - (counted['Completed'] ?? 0),
    lost: ids.filter((id) => !found.has(id)).length,
    unanswered: [...found.keys()].filter((id) => !accepted.has(id)).length,
    p50: quantile(latencies, 0.5),
    p99: quantile(latencies, 0.99),
    acceptSeconds: (to - from) / 1000,
    drainSeconds: (Math.max(...closings) - from) / 1000,
  };
}
