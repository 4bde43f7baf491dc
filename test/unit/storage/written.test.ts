import { createHash } from 'node:crypto';
import { appendFile, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { describe, expect, test } from '@jest/globals';

import { fileIdFor, newJobId } from '../../../src/jobs/ids.ts';
import { testFileStore } from '../../support/file-store.ts';

const store = testFileStore();
const jobId = newJobId('report', 'acme', 'k');
const facts = { id: fileIdFor(jobId, 'x'), name: 'x.csv', contentType: 'text/csv', tenant: 'acme', jobId };
const block = (byte: number) => Buffer.alloc(700_000, byte);

describe('a file that something else writes', () => {
  test('is stored with its hash, whether it grows or is written at once', async () => {
    const blocks = Array.from({ length: 8 }, (_, index) => block(index));
    const growing = await store.files.stageWritten(async (path) => {
      for (const one of blocks) await appendFile(path, one);
    });
    const whole = Buffer.concat(blocks);
    const sha256 = createHash('sha256').update(whole).digest('hex');
    expect(growing).toMatchObject({ size: whole.length, sha256 });
    expect(await store.files.stageWritten((path) => writeFile(path, whole))).toMatchObject({ sha256 });
    const file = await growing.commit(facts);
    expect((await buffer(store.files.read(file))).equals(whole)).toBe(true);
  });

  test('may be written anew while it is small', async () => {
    const staged = await store.files.stageWritten(async (path) => {
      await writeFile(path, 'longer than the other');
      await writeFile(path, 'short');
    });
    expect(staged).toMatchObject({ size: 5, sha256: createHash('sha256').update('short').digest('hex') });
    await staged.discard();
    expect(await store.count()).toBe(0);
  });

  test('leaves nothing behind when it is not finished', async () => {
    const failed = store.files.stageWritten(async (path) => {
      await writeFile(path, Buffer.concat([block(1), block(2)]));
      throw new Error('engine broke');
    });
    await expect(failed).rejects.toThrow('engine broke');
    const large = store.files.stageWritten((path) => writeFile(path, block(1)), { maxBytes: 1_000 });
    await expect(large).rejects.toMatchObject({ code: 'payload_too_large' });
    expect(await store.count()).toBe(0);
  });

  test('is not removed below a writer that still writes when the job is cancelled', async () => {
    const cancelling = new AbortController();
    let ended = false;
    const staging = store.files.stageWritten(
      async (path) => {
        await writeFile(path, Buffer.concat([block(1), block(2)]));
        cancelling.abort(new Error('cancelled'));
        await new Promise((resolve) => setImmediate(resolve));
        ended = true;
      },
      { signal: cancelling.signal },
    );
    await expect(staging).rejects.toThrow('cancelled');
    expect(ended).toBe(true);
    expect(await store.count()).toBe(0);
  });
});

describe('a file that is whole already', () => {
  const path = () => join(store.directory, 'whole');

  test('is stored without its bytes being written again, and stays where it is', async () => {
    const whole = Buffer.concat([block(7), block(8)]);
    await writeFile(path(), whole);
    for (const times of [1, 2]) {
      const staged = await store.files.stageFile(path());
      expect(staged).toMatchObject({ size: whole.length, sha256: createHash('sha256').update(whole).digest('hex') });
      const file = await staged.commit({ ...facts, id: fileIdFor(jobId, `whole ${String(times)}`) });
      await staged.discard();
      expect((await buffer(store.files.read(file))).equals(whole)).toBe(true);
    }
    expect((await readFile(path())).equals(whole)).toBe(true);
    expect((await stat(path())).nlink).toBe(2);
  });

  test('that is too large, or is not there, leaves nothing behind', async () => {
    await writeFile(path(), block(9));
    const before = await store.count();
    await expect(store.files.stageFile(path(), { maxBytes: 1_000 })).rejects.toMatchObject({ code: 'payload_too_large' });
    await expect(store.files.stageFile(`${path()} elsewhere`)).rejects.toMatchObject({ code: 'storage_unavailable' });
    expect(await store.count()).toBe(before);
  });
});
