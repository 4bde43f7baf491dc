import { type Finding, show, showSpread } from './finding.ts';
import type { Timed } from './peers/in-flight.ts';
import { median, quantile, ratios, spread } from './statistics.ts';

export interface Lane {
  /** Whose processor time counts. */
  pids: Record<string, number>;
  /** All of the work, or a share of it. */
  run(share?: number): Promise<Timed>;
}

export interface Round {
  /** Calls per second. */
  rate: number;
  /** In milliseconds. */
  latencies: number[];
  /** Of each process, in milliseconds. */
  cpu: Record<string, number>;
}

const names: Record<string, string> = {
  product: '`POST /v1/emails` → 202',
  bare: 'bare `client.workflow.start`',
  refused: '`POST /v1/emails` → 400 (one unknown field: all of HTTP and validation, no Temporal)',
  live: '`GET /livez` (Express and nothing else)',
};
const bar = 0.6;

export function acceptFinding(measured: Record<string, Round[]>, { count, connections }: { count: number; connections: number }): Finding {
  const of = (name: string) => measured[name] ?? [];
  const rates = (name: string) => of(name).map((round) => round.rate);
  /** Processor time per call, in milliseconds. */
  const cpu = (name: string, process: string) => median(of(name).map((round) => (round.cpu[process] ?? 0) / round.latencies.length));
  const ratio = ratios(rates('product'), rates('bare'));
  const lanes = Object.keys(names).filter((name) => measured[name] !== undefined);
  return {
    title: 'Accept',
    method: `${show(count)} calls a round and side with ${String(connections)} at once; the same argument, memo, search attribute, policies and Temporal server; no worker polls.
HTTP comes from a process of its own over ${String(connections)} keep-alive connections (\`node:http\`); the bare side is one process with a native connection, without compression.`,
    verdicts: [{ bar: `at least ${String(bar)} of the bare rate`, figure: showSpread(ratio, 2), met: ratio.median >= bar }],
    tables: [
      {
        heading: 'Rates',
        columns: ['', 'calls/s', 'p50 ms', 'p99 ms'],
        rows: lanes.map((name) => [
          names[name] ?? name,
          showSpread(spread(rates(name))),
          ...[0.5, 0.99].map((q) => showSpread(spread(of(name).map((round) => quantile(round.latencies, q))), 1)),
        ]),
      },
      {
        heading: 'Where the rest goes: processor time per call, in ms',
        columns: ['', 'api', 'caller', 'Temporal', 'all'],
        rows: lanes.map((name) => {
          const [api, caller, temporal] = [cpu(name, 'api'), cpu(name, 'caller'), cpu(name, 'temporal')];
          return [names[name] ?? name, ...[api, caller, temporal, api + caller + temporal].map((value) => show(value, 2))];
        }),
        note: `The caller is the load generator on the HTTP side and the whole client on the bare side. ${rest(cpu)}`,
      },
    ],
  };
}

/** The difference in words. */
function rest(cpu: (name: string, process: string) => number): string {
  const all = (name: string) => cpu(name, 'api') + cpu(name, 'caller') + cpu(name, 'temporal');
  const difference = all('product') - all('bare');
  const http = cpu('refused', 'api') + cpu('refused', 'caller');
  const temporal = cpu('product', 'temporal') - cpu('bare', 'temporal');
  return `Of the ${show(difference, 2)} ms that an accepted e-mail costs more than a bare start, HTTP on both ends with authentication and validation takes about ${show(http, 2)} (the refused request), Temporal itself ${show(temporal, 2)}; the others are the start, its deadline and its answer in a process that switches between HTTP and gRPC.`;
}
