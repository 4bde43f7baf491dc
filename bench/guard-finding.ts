import type { Round } from './accept-finding.ts';
import { type Finding, show, showSpread } from './finding.ts';
import { median, quantile, ratios, spread } from './statistics.ts';

/** What one slice of a round asked the database. */
export interface Asked {
  name: string;
  calls: number;
  seconds: number;
  statements: Map<string, number>;
}

const names: Record<string, string> = {
  guarded: '`POST /v1/emails` → 202, as shipped',
  unguarded: '`POST /v1/emails` → 202, all three off',
  'guarded refused': '→ 400, as shipped (one unknown field: no encryption, no Temporal)',
  'unguarded refused': '→ 400, all three off',
};
const bar = 0.85;
/** A key in use is looked up again after this, in seconds, and its use noted once a minute. */
const renewSeconds = 2.5;
const lookups = ['select api_keys', 'update api_keys'];

export function guardFinding(
  measured: Record<string, Round[]>,
  asked: readonly Asked[],
  { count, connections, slices }: { count: number; connections: number; slices: number },
): Finding {
  const of = (name: string) => measured[name] ?? [];
  const rates = (name: string) => of(name).map((round) => round.rate);
  const cpuOf = (name: string, process: string) => of(name).map((round) => (round.cpu[process] ?? 0) / round.latencies.length);
  const allOf = (name: string) => of(name).map((round) => sum(Object.values(round.cpu)) / round.latencies.length);
  const ratio = ratios(rates('guarded'), rates('unguarded'));
  const more = (name: string, process: string) => {
    const without = cpuOf(`un${name}`, process);
    return median(cpuOf(name, process).map((value, round) => value - (without[round] ?? NaN)));
  };
  /** Of the api, its caller and Temporal together: what is left of the rate where they share the processors and nobody else does. */
  const byProcessor = ratios(allOf('unguarded'), allOf('guarded'));
  const calls = sum(asked.map((each) => each.calls));
  const byKind = new Map<string, number>();
  for (const { statements } of asked) for (const [kind, times] of statements) byKind.set(kind, (byKind.get(kind) ?? 0) + times);
  const aboutKeys = sum(lookups.map((kind) => byKind.get(kind) ?? 0));
  // The first of a slice comes after a pause in which the key grew stale.
  const expected = sum(asked.map(({ seconds }) => 1 + Math.floor(seconds / renewSeconds) + 1));
  const perThousand = (times: number) => show((times / calls) * 1_000, 1);
  return {
    title: 'Guard',
    method: `${show(count)} calls a round and side with ${String(connections)} at once, in ${String(slices)} slices that alternate; no worker polls. Two api processes of the same build on one Temporal server: \`handoff api\` as it is shipped (AES-256-GCM, an API key, the default limits), and the same modules with \`HANDOFF_ENCRYPTION=off\`, a constant caller for any key and no limits (\`bench/peers/unguarded-api.ts\`; the product has no such switch).
Statements to the database are counted on the wire, by a relay between the shipped process and PostgreSQL, while these calls run.`,
    verdicts: [
      { bar: `at least ${String(bar)} of the accept rate with all three off`, figure: showSpread(ratio, 2), met: ratio.median >= bar },
      {
        bar: `a key lookup asks the database only to renew what it knows (each ${String(renewSeconds)} s, and after a pause)`,
        figure: `${show(aboutKeys)} statements about keys in ${show(calls)} calls`,
        met: aboutKeys <= expected,
      },
    ],
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
            ...['api', 'caller', 'temporal'].map((process) => show(median(cpuOf(name, process)), 2)),
          ]),
        note: `Within a round, an accepted e-mail costs ${show(more('guarded', 'api'), 2)} ms more in the api process and ${show(more('guarded', 'temporal'), 2)} ms more in Temporal; of the former, authentication and limits are ${show(more('guarded refused', 'api'), 2)} ms (the refused request).
By the processor time of all three, which other programs disturb less than rates, the shipped build keeps ${showSpread(byProcessor, 2)} of the rate.`,
      },
      {
        heading: `Statements of the shipped process in ${show(calls)} calls`,
        columns: ['', 'statements', 'per 1,000 calls'],
        rows: [...byKind].sort(([, a], [, b]) => b - a).map(([kind, times]) => [`\`${kind}\``, show(times), perThousand(times)]),
      },
    ],
  };
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
