import { hostileFiles } from '../test/support/hostile.ts';
import { runHostile } from '../test/support/hostile-run.ts';
import { type Finding, type Settings, show } from './finding.ts';
import { builtEngine } from './images.ts';
import { mebibyte, residentBytes } from './process-facts.ts';
import { onStage } from './stage.ts';

const files = 520;
const memoryMb = 1_024;

/** Hostile pictures through what decodes uploads: who dies, what gets out, and how much memory it takes. */
export async function hostile({ quick, say }: Settings): Promise<Finding> {
  const count = quick ? 60 : files;
  return onStage(say, async (stage) => {
    const engine = await builtEngine(stage.directory);
    stage.closing(engine, (open) => open.close());
    const made = await hostileFiles(count);
    const before = residentBytes(process.pid);
    const { counts, faults, peakMb } = await runHostile(engine, made);
    const growth = (residentBytes(process.pid) - before) / mebibyte;
    for (const fault of faults) say(`hostile: ${fault}`);
    return {
      title: 'Hostile pictures',
      method: `${String(count)} files, made by a seed: bombs by hand (65,535² PNG, 10,000 frames, directories that go round, canvases that lie, SVG that multiplies, files that are two things), and valid small files of each format with bytes flipped, cut off, doubled, spliced, and with lengths that lie.
Each is looked at and made into two variants, two at a time, with a limit of ${String(memoryMb)} MiB for a decoder. The worker is the process that runs the engine.`,
      verdicts: [
        {
          bar: 'no failure but those with a code, and no variant but what was asked for',
          figure: `${String(faults.length)} faults`,
          met: faults.length === 0,
        },
        {
          bar: `a decoder takes no more than its ${String(memoryMb)} MiB`,
          figure: `at most ${show(peakMb)} MiB resident`,
          met: peakMb < memoryMb,
        },
      ],
      tables: [
        {
          heading: 'What became of them',
          columns: ['', 'files'],
          rows: Object.entries(counts)
            .sort(([, a], [, b]) => b - a)
            .map(([what, of]) => [what, show(of)]),
          note: `The worker lived through all of them, and grew by ${show(growth)} MiB.`,
        },
      ],
    };
  });
}
