import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { type Finding, type Settings, show, showSpread } from './finding.ts';
import { mebibyte } from './process-facts.ts';
import { onStage } from './stage.ts';
import { median, ratios, spread } from './statistics.ts';

const side = fileURLToPath(new URL('./report-side.mjs', import.meta.url));
const formats = ['csv', 'parquet'] as const;
type Format = (typeof formats)[number];

/** Of one report: what a worker is set to by itself. */
const usual = { threads: 2, memoryMb: 100, at: 2 };
const bars = { speed: 0.8, peakMb: 200 };

interface Took {
  seconds: number;
  /** Of the process, in bytes. */
  peak: number;
  /** Of all threads, in seconds. */
  cpu: number;
  size: number;
  sha256?: string;
}

/** A file of many rows as another one, against COPY of the same engine alone; and many such reports at once. */
export async function reports({ rounds, quick, say }: Settings): Promise<Finding> {
  const rows = quick ? 500_000 : 5_000_000;
  return onStage(say, async ({ directory }) => {
    const ask = async (task: object): Promise<Took> => {
      const { stdout } = await promisify(execFile)(process.execPath, [side, JSON.stringify({ directory, ...usual, at: 1, ...task })]);
      return JSON.parse(stdout) as Took;
    };
    const path = join(directory, 'source.parquet');
    await ask({ side: 'make', source: path, rows });
    const { sha256: source = '' } = await ask({ side: 'keep', source: path });
    const took = { csv: { product: [] as Took[], bare: [] as Took[] }, parquet: { product: [] as Took[], bare: [] as Took[] } };
    for (let round = 1; round <= rounds; round++)
      for (const format of formats) {
        const sides = ['product', 'bare'] as const;
        for (const name of round % 2 === 0 ? [...sides].reverse() : sides) {
          const one = await ask({ side: name, format, source: name === 'bare' ? path : source });
          took[format][name].push(one);
          say(
            `reports: ${format}, ${name}: ${show(one.seconds, 2)} s, ${show(one.cpu, 2)} s of processors, peak ${show(one.peak / mebibyte)} MiB`,
          );
        }
      }
    const crowds: { reports: number; took: Took }[] = [];
    for (const count of [2, 10]) {
      crowds.push({ reports: count, took: await ask({ side: 'product', format: 'csv', source, reports: count, at: usual.at }) });
      say(`reports: ${String(count)} at once: peak ${show((crowds.at(-1)?.took.peak ?? 0) / mebibyte)} MiB`);
    }
    return finding(rows, took, crowds);
  });
}

function finding(
  rows: number,
  took: Record<Format, { product: Took[]; bare: Took[] }>,
  crowds: { reports: number; took: Took }[],
): Finding {
  const of = (all: Took[], key: 'seconds' | 'cpu' | 'peak') => all.map((one) => one[key]);
  const [few, many] = crowds.map(({ took: { peak } }) => peak / mebibyte);
  if (few === undefined || many === undefined) throw new Error('Nothing was measured');
  return {
    title: 'Reports',
    method: `${show(rows)} rows × 6 (whole number, text, double, date, text with commas, boolean) in a Parquet file, as CSV and as Parquet with zstd; ${String(usual.threads)} threads on both sides, each run a process of its own.
Ours: from the file store through the engine, held to ${String(usual.memoryMb)} MiB, into the file store: formulas guarded, hashed, durable. Bare: \`COPY\` from file to file, without a limit, a hash or a sync.`,
    verdicts: [
      ...formats.map((format) => {
        const speed = ratios(of(took[format].bare, 'seconds'), of(took[format].product, 'seconds'));
        return {
          bar: `${format}: at least ${show(bars.speed, 1)} of the speed of bare \`COPY\``,
          figure: showSpread(speed, 2),
          met: speed.median >= bars.speed,
        };
      }),
      ...formats.map((format) => {
        const peak = Math.max(...of(took[format].product, 'peak')) / 1e6;
        return { bar: `${format}: process peak under ${String(bars.peakMb)} MB`, figure: `${show(peak)} MB`, met: peak < bars.peakMb };
      }),
      {
        bar: `ten reports, ${String(usual.at)} at a time, peak no higher than two (by less than a tenth)`,
        figure: `${show(many)} MiB, and ${show(few)} MiB for two`,
        met: many <= few * 1.1,
      },
    ],
    tables: [
      {
        heading: 'Each run',
        columns: ['', 'seconds', 'seconds of processors', 'peak MiB', 'MB'],
        rows: formats.flatMap((format) =>
          (['product', 'bare'] as const).map((name) => {
            const all = took[format][name];
            return [
              `${format}, ${name}`,
              showSpread(spread(of(all, 'seconds')), 2),
              showSpread(spread(of(all, 'cpu')), 2),
              showSpread(spread(of(all, 'peak').map((peak) => peak / mebibyte))),
              show(median(all.map(({ size }) => size)) / 1e6),
            ];
          }),
        ),
      },
    ],
  };
}
