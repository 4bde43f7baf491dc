import type { Round } from './accept-finding.ts';
import { type Finding, show, showSpread } from './finding.ts';
import { median, quantile, ratios, spread } from './statistics.ts';

export const readStates = ['queued', 'retrying', 'finished'] as const;
export type ReadState = (typeof readStates)[number];

const bar = 0.5;

const words: Record<ReadState, string> = {
  queued: 'queued (never begun)',
  retrying: 'begun, waits for its next attempt',
  finished: 'completed',
};

const names: Record<string, string> = {
  ...Object.fromEntries(
    readStates.flatMap((state) => [
      [`product ${state}`, `\`GET /v1/jobs/{id}\`: ${words[state]}`],
      [`bare ${state}`, `bare \`describe\`: ${words[state]}`],
    ]),
  ),
  'product first': '`GET /v1/jobs/{id}`: completed, and never read before',
  unknown: '`GET /v1/jobs/{id}` → 404 (no id of this tenant: HTTP and authentication, no Temporal)',
};

interface Size {
  /** Calls of a lane in a round. */
  count: number;
  connections: number;
  jobsEach: number;
  firstReads: number;
}

export function readFinding(measured: Record<string, Round[]>, { count, connections, jobsEach, firstReads }: Size): Finding {
  const of = (name: string) => measured[name] ?? [];
  const rates = (name: string) => of(name).map((round) => round.rate);
  /** Processor time per call, in milliseconds. */
  const cpu = (name: string, process: string) => median(of(name).map((round) => (round.cpu[process] ?? 0) / round.latencies.length));
  const against = (state: ReadState) => ratios(rates(`product ${state}`), rates(`bare ${state}`));
  return {
    title: 'Read',
    method: `${show(count)} calls a round, side and state with ${String(connections)} at once, of ${String(jobsEach)} e-mail jobs in turn. No worker runs: it has ended before the first call.
HTTP comes from a process of its own over ${String(connections)} keep-alive connections (\`node:http\`) to one api process; the bare side is one process with a native connection, without compression.`,
    verdicts: readStates.map((state) => {
      const ratio = against(state);
      return {
        bar: `${words[state]}: at least ${String(bar)} of the rate of bare \`describe\``,
        figure: showSpread(ratio, 2),
        met: ratio.median >= bar,
      };
    }),
    tables: [
      {
        heading: 'Rates, and processor time per call in ms',
        columns: ['', 'calls/s', 'p50 ms', 'p99 ms', 'api', 'caller', 'Temporal'],
        rows: Object.keys(names)
          .filter((name) => measured[name] !== undefined)
          .map((name) => [
            names[name] ?? name,
            showSpread(spread(rates(name))),
            ...[0.5, 0.99].map((q) => showSpread(spread(of(name).map((round) => quantile(round.latencies, q))), 1)),
            ...['api', 'caller', 'temporal'].map((process) => show(cpu(name, process), 2)),
          ]),
        note: `The caller is the load generator on the HTTP side and the whole client on the bare side.
A job that was read before costs one \`describe\`. The first read after it has begun takes one page of its history, too, and the first after its end another one (${show(firstReads)} such reads a round: three calls each); they never change, so the api process keeps those of the last 2,000 jobs.`,
      },
    ],
  };
}
