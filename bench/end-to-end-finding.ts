import { type Finding, show, showSpread } from './finding.ts';
import type { JobKind, OneJobTimes } from './peers/one-job.ts';
import { quantile, ratios, spread } from './statistics.ts';

export const kinds: Record<JobKind, string> = {
  product: 'product: `POST /v1/emails` to result',
  sendOneApart: 'bare, same settings: the activity on a Task Queue of its own',
  sendOne: 'bare, one Task Queue: the SDK’s eager activity',
  doNothing: 'bare, one Task Queue, an activity that does nothing',
  polled: 'product, seen by `GET /v1/jobs/{id}` each 10 ms',
};

export const modes = {
  alone: { restMs: 150, heading: 'One job at a time, 150 ms of rest after each' },
  backToBack: { restMs: 0, heading: 'One job at a time, without rest' },
} as const;

/** By mode, for each round. */
export type Measured = Record<keyof typeof modes, OneJobTimes[]>;

type Mode = keyof typeof modes;

const bar = 1.3;

export function endToEndFinding(measured: Measured, count: number): Finding {
  const at = (mode: Mode, kind: JobKind, q: number) => measured[mode].map((round) => quantile(round[kind] ?? [], q));
  const against = (mode: Mode, kind: JobKind) => ratios(at(mode, 'product', 0.5), at(mode, kind, 0.5));
  const verdict = (kind: JobKind) => {
    const ratio = against('alone', kind);
    return { bar: `p50 within ${String(bar)} times ${kinds[kind]}`, figure: showSpread(ratio, 2), met: ratio.median <= bar };
  };
  return {
    title: 'End to end',
    method: `${show(count)} jobs a round, kind and pace, never two at once, the kinds in turn job by job; each from the call to its result (\`handle.result()\` in the calling process for both, so that no polling blurs it).
The bare workflow's one activity sends the same mail with the product's own SMTP sender to the same sink; its worker is a process of its own with the product's worker settings. Both workers poll all the time.`,
    verdicts: [verdict('sendOneApart'), verdict('sendOne')],
    tables: (['alone', 'backToBack'] as const).map((mode) => ({
      heading: modes[mode].heading,
      columns: ['', 'p50 ms', 'p95 ms', 'product / this, p50'],
      rows: (Object.keys(kinds) as JobKind[]).map((kind) => [
        kinds[kind],
        showSpread(spread(at(mode, kind, 0.5)), 1),
        showSpread(spread(at(mode, kind, 0.95)), 1),
        kind === 'product' ? '' : showSpread(against(mode, kind), 2),
      ]),
      ...(mode === 'backToBack' && {
        note: `Temporal reads its transfer queue at most 20 times a second a shard by default (\`history.transferProcessorMaxPollRPS\`), which jobs without a pause use up: steps of 50 ms. The Temporal that \`npm start\` and this benchmark run has 1,000 there.
The product reads three times a job (workflow task, activity, workflow task); an eager activity saves one. It also skips priority, fairness and rate limits, so the product has none.`,
      }),
    })),
  };
}
