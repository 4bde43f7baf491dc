import { fork } from 'node:child_process';
import { once } from 'node:events';
import { buffer } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';

import { createDiskBlobStore } from '../../../src/storage/disk.ts';
import { blobPath, sha256, testDirectory } from './directory.ts';

const directory = testDirectory();

function store() {
  return createDiskBlobStore(directory.path);
}

describe('kill -9', () => {
  const program = fileURLToPath(new URL('../../support/blob-stager.ts', import.meta.url));
  const register = new URL('../../support/register-ts.mjs', import.meta.url).href;

  async function killed(end: 'stage' | 'commit'): Promise<unknown> {
    const child = fork(program, [directory.path, end], { execArgv: ['--import', register] });
    const exit = once(child, 'exit');
    const message = (await Promise.race([once(child, 'message'), exit]))[0] as unknown;
    child.kill('SIGKILL');
    await exit;
    return message;
  }

  it('in the middle of an upload leaves a temporary file and nothing else, which a sweep removes', async () => {
    expect(await killed('stage')).toBe('half way');
    const left = await directory.files();
    expect(left).toEqual([expect.stringMatching(/^tmp\/[0-9a-f-]{36}$/)]);

    const sweep = { referenced: () => Promise.resolve(new Set<string>()), olderThanMs: 60_000 };
    expect(await store().sweep(sweep)).toEqual({ temporary: 0, blobs: 0 });
    await directory.makeOld(left[0] ?? '');
    expect(await store().sweep(sweep)).toEqual({ temporary: 1, blobs: 0 });
    expect(await directory.files()).toEqual([]);
  });

  it('after commit loses nothing', async () => {
    const hash = String(await killed('commit'));
    expect(await directory.files()).toEqual([blobPath(hash)]);
    expect(sha256(await buffer(store().read(hash)))).toBe(hash);
  });
});
