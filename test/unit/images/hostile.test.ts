import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';

import { createImageEngine } from '../../../src/images/engine.ts';
import { hostileFiles } from '../../support/hostile.ts';
import { runHostile } from '../../support/hostile-run.ts';

const memoryMb = 1_024;

test('hostile files are refused or made smaller, each for itself, within the memory of a decoder; nothing is left behind', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'handoff-hostile-'));
  const engine = createImageEngine({ dataDir, memoryMb, timeoutSeconds: 10 });
  try {
    const { counts, faults, peakMb } = await runHostile(engine, await hostileFiles(60));
    expect(faults).toEqual([]);
    expect(
      Object.keys(counts).filter((what) => !['made', 'no image', 'image_unreadable', 'image_too_large', 'decoder_failed'].includes(what)),
    ).toEqual([]);
    // Neither refuses everything nor nothing.
    expect([counts['made'], counts['image_unreadable'], counts['image_too_large']].every((count = 0) => count > 2)).toBe(true);
    expect(peakMb).toBeLessThan(memoryMb + 256);
    expect(await readdir(join(dataDir, 'image-work'))).toEqual([]);
  } finally {
    await engine.close();
    await rm(dataDir, { recursive: true, force: true });
  }
});
