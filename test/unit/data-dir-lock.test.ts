import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, realpath, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { lockDataDir } from '../../src/database/data-dir-lock.ts';
import { eventually } from '../support/eventually.ts';

const program = fileURLToPath(new URL('../support/lock-holder.ts', import.meta.url));
const register = new URL('../support/register-ts.mjs', import.meta.url).href;

let directory: string;

beforeEach(async () => {
  directory = await realpath(await mkdtemp(join(tmpdir(), 'handoff-lock-')));
});

afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});

/** Starts a process that takes the lock; resolves with what it says: `locked`, or why not. */
async function holder(dataDir: string, platform: string): Promise<{ child: ChildProcess; said: string }> {
  const child = fork(program, [dataDir, platform], { execArgv: ['--import', register], stdio: 'inherit' });
  const [said] = (await once(child, 'message')) as [string];
  return { child, said };
}

async function kill(child: ChildProcess): Promise<void> {
  const exit = once(child, 'exit');
  child.kill('SIGKILL');
  await exit;
}

// The socket file is the way elsewhere, but works on Linux, too.
const kinds = [
  { kind: 'an abstract socket', platform: 'linux' as const },
  { kind: 'a socket file', platform: 'darwin' as const },
].filter(({ platform }) => process.platform === 'linux' || platform !== 'linux');

describe.each(kinds)('the data directory lock as $kind', ({ platform }) => {
  it('keeps a second process out until the first is killed with kill -9', async () => {
    const first = await holder(directory, platform);
    expect(first.said).toBe('locked');
    try {
      await expect(lockDataDir(directory, { platform })).rejects.toThrow(
        `The data directory ${directory} is in use by another process: stop it, or set HANDOFF_DATA_DIR`,
      );
    } finally {
      await kill(first.child);
    }
    const lock = await eventually(() => lockDataDir(directory, { platform }));
    const second = await holder(directory, platform);
    expect(second.said).toContain('HANDOFF_DATA_DIR');
    await once(second.child, 'exit');
    await lock.release();
  });

  it('can be taken again after its release, which may be repeated', async () => {
    const lock = await lockDataDir(directory, { platform });
    await lock.release();
    await lock.release();
    const again = lockDataDir(directory, { platform });
    await expect(again).resolves.toHaveProperty('release');
    await (await again).release();
  });

  it('refuses the same process a second time, by another path too', async () => {
    const link = join(directory, 'link');
    const real = join(directory, 'real');
    await mkdir(real);
    await symlink(real, link);
    const lock = await lockDataDir(real, { platform });
    await expect(lockDataDir(link, { platform })).rejects.toThrow(`The data directory ${real} is in use`);
    await lock.release();
  });

  it('creates a missing directory, and locks directories independently of each other', async () => {
    const one = await lockDataDir(join(directory, 'a', 'one'), { platform });
    const two = await lockDataDir(join(directory, 'a', 'two'), { platform });
    expect(existsSync(join(directory, 'a', 'one'))).toBe(true);
    await one.release();
    await two.release();
  });
});
