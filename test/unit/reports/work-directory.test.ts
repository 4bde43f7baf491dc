import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';

import { openWorkDirectory } from '../../../src/reports/work-directory.ts';

let root = '';
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'handoff-work-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

test('what a crash has left is removed by a later report; what may be at work, and what is not ours, stays', async () => {
  const old = new Date(Date.now() - 8 * 60 * 60 * 1000);
  for (const name of ['report-abc123', 'report-xyz789', 'somebody']) {
    await mkdir(join(root, name));
    await writeFile(join(root, name, 'source-0'), 'x');
  }
  for (const name of ['report-abc123', 'somebody']) await utimes(join(root, name), old, old);
  await openWorkDirectory(root);
  const left = await readdir(root);
  expect(left.sort()).toEqual([expect.stringMatching(/^report-\w{6}$/), expect.stringMatching(/^report-\w{6}$/), 'somebody']);
  expect(left).toContain('report-xyz789');
});
