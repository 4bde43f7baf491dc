import { type Finding, show } from './finding.ts';
import { quantile } from './statistics.ts';

export interface BulkMeasured {
  count: number;
  ratePerSecond: number;
  counts: { matched: number; done: number; skipped: number; failed: number };
  /** Messages that the mail server took for the dead letters. */
  sent: number;
  /** Dead letters that are left. */
  parked: number;
  /** From the start of the bulk action to its end, and to the last message. */
  redriveSeconds: number;
  drainSeconds: number;
  /** Of new e-mails from asking to their end, in milliseconds: before the redrive, and during it. */
  alone: number[];
  meanwhile: number[];
}

const bar = 0.8;

export function bulkFinding(measured: BulkMeasured): Finding {
  const { count, ratePerSecond, counts, sent, parked, redriveSeconds, drainSeconds, alone, meanwhile } = measured;
  const rate = counts.done / redriveSeconds;
  const share = rate / ratePerSecond;
  const latency = (heading: string, values: number[]) => [
    heading,
    String(values.length),
    ...[0.5, 0.9, 0.99].map((q) => show(quantile(values, q))),
  ];
  return {
    title: 'Bulk',
    method: `${show(count)} e-mails are parked as dead letters and then redriven by one \`POST /v1/bulk-actions\` at ${String(ratePerSecond)} a second, while new e-mails are asked for, one after the other.
One api process, one worker process, one run; the rate is over the whole time from asking for the bulk action to its end.`,
    verdicts: [
      {
        bar: 'each dead letter is redriven and sent, exactly once',
        figure: `${show(counts.done)} redriven, ${show(sent)} sent, ${show(parked)} left`,
        met: counts.done === count && sent === count && parked === 0,
      },
      {
        bar: `between ${String(bar)} of the asked rate and the asked rate`,
        figure: `${show(rate, 1)}/s of ${String(ratePerSecond)}/s (${show(share, 2)})`,
        // The one second that may be made up for is less than the start takes.
        met: share >= bar && share <= 1.02,
      },
    ],
    tables: [
      {
        heading: 'New e-mails, from asking to their end',
        columns: ['', 'e-mails', 'p50 ms', 'p90 ms', 'p99 ms'],
        rows: [latency('before the redrive', alone), latency('during the redrive', meanwhile)],
        note: `The last redriven e-mail was sent ${show(drainSeconds, 1)} s after the bulk action was asked for, which took ${show(redriveSeconds, 1)} s.`,
      },
    ],
  };
}
