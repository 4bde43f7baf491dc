import { readdirSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { Readable } from 'node:stream';

import type { ImageEngine } from '../../activities/upload.ts';
import { type ErrorCode, errorCodes } from '../../src/errors.ts';
import type { VariantRequest } from '../../src/jobs/upload.ts';
import { type HostileFile, isPictureWithin } from './hostile.ts';

const side = 100;
const variants: VariantRequest[] = [
  { name: 'a', width: side, height: side, format: 'webp', animated: 'keep' },
  { name: 'b', width: side, height: side, fit: 'cover', position: 'entropy', format: 'jpeg' },
];

export interface HostileOutcome {
  /** Files by what became of them: `made`, `no image`, or the code of the refusal. */
  counts: Record<string, number>;
  /** What must not be: a failure of another kind, a variant that is not what was asked for. */
  faults: string[];
  /** Of any decoder, in MiB. */
  peakMb: number;
}

/** Highest resident size of the decoders that are there now, in MiB. */
function decoderPeakMb(): number {
  const tasks = readdirSync('/proc/self/task');
  const children = tasks.flatMap((task) => readFileSync(`/proc/self/task/${task}/children`, 'utf8').trim().split(' '));
  const peaks = children.map((pid) => {
    try {
      return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024;
    } catch {
      return 0;
    }
  });
  return Math.max(0, ...peaks);
}

async function outcomeOf(engine: ImageEngine, { contentType, bytes }: HostileFile, faults: (fault: string) => void): Promise<string> {
  try {
    if ((await engine.inspect({ read: () => Readable.from([bytes]) }, { contentType })) === null) return 'no image';
    await engine.render({ read: () => Readable.from([bytes]) }, variants, {
      contentType,
      take: async (_, { path }) => {
        if (!(await isPictureWithin(await readFile(path ?? ''), side))) faults('a variant is larger than it may be');
      },
    });
    return 'made';
  } catch (error) {
    // Of the engine as it is built, it is another class.
    const { code } = error as { code?: ErrorCode };
    if (code !== undefined && errorCodes.includes(code)) return code;
    faults(error instanceof Error ? error.message : String(error));
    return 'fault';
  }
}

/** Gives all files to the engine, some at once. */
export async function runHostile(engine: ImageEngine, files: readonly HostileFile[], atOnce = 2): Promise<HostileOutcome> {
  const outcome: HostileOutcome = { counts: {}, faults: [], peakMb: 0 };
  const queue = [...files];
  const watching = setInterval(() => {
    outcome.peakMb = Math.max(outcome.peakMb, decoderPeakMb());
  }, 50);
  const work = async (): Promise<void> => {
    for (let file = queue.shift(); file !== undefined; file = queue.shift()) {
      const { name } = file;
      const what = await outcomeOf(engine, file, (fault) => outcome.faults.push(`${name}: ${fault}`));
      outcome.counts[what] = (outcome.counts[what] ?? 0) + 1;
    }
  };
  try {
    await Promise.all(Array.from({ length: atOnce }, work));
  } finally {
    clearInterval(watching);
  }
  return outcome;
}
