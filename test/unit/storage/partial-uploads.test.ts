import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFile, stat, truncate, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, jest, test } from '@jest/globals';

import { newPartialUploadId, tenantTag } from '../../../src/jobs/ids.ts';
import type { PartialUploads } from '../../../src/jobs/partial-uploads.ts';
import { createPartialUploads } from '../../../src/storage/partial-uploads.ts';
import { eventually } from '../../support/eventually.ts';
import { testPartials } from '../../support/partial-uploads.ts';
import { chunks } from './directory.ts';

const MiB = 1024 * 1024;
const kept = testPartials();
const tenant = 'acme';

async function begun(size?: number): Promise<string> {
  const id = newPartialUploadId(tenant);
  await kept.partials.create({ id, tenant, size, metadata: { filename: 'a.bin', empty: null }, key: undefined });
  return id;
}
async function claimed<T>(id: string, work: () => Promise<T>, partials: PartialUploads = kept.partials): Promise<T> {
  const claim = await partials.claim(id, () => undefined);
  if (claim === undefined) throw new Error('It is claimed');
  try {
    return await work();
  } finally {
    await claim.release();
  }
}
const append = (id: string, ...parts: (string | Uint8Array)[]) => claimed(id, () => kept.partials.append(id, chunks(...parts)));
const pathOf = (id: string, kind: string) => join(kept.directory, id.slice(4, 10), `${id}.${kind}`);

describe('bytes', () => {
  test('are put behind one another, and what is kept is told exactly', async () => {
    const id = await begun(3 * MiB + 7);
    const bytes = randomBytes(3 * MiB + 7);
    expect(await append(id, bytes.subarray(0, 5), bytes.subarray(5, 2 * MiB))).toBe(2 * MiB);
    expect(await kept.partials.find(id)).toMatchObject({
      offset: 2 * MiB,
      size: bytes.length,
      metadata: { filename: 'a.bin', empty: null },
    });
    expect(await append(id, bytes.subarray(2 * MiB))).toBe(bytes.length);
    const path = await claimed(id, () => kept.partials.seal(id));
    expect(bytes.equals(await readFile(path))).toBe(true);
    expect((await stat(path)).mode & 0o077).toBe(0);
  });

  test('that came before the source failed are kept', async () => {
    const id = await begun(10);
    async function* source(): AsyncGenerator<Uint8Array> {
      yield* chunks('hel');
      throw new Error('hung up');
    }
    await expect(claimed(id, () => kept.partials.append(id, source()))).rejects.toThrow('hung up');
    expect(await kept.partials.find(id)).toMatchObject({ offset: 3 });
    await append(id, 'lo');
    expect(await readFile(pathOf(id, 'bytes'), 'utf8')).toBe('hello');
  });

  test('tell their type once, when the first 64 KiB of them are there, in however many pieces they came', async () => {
    const id = await begun(3 * MiB);
    const told: [string | undefined, number | undefined][] = [];
    const onType = async (type: string | undefined) => {
      told.push([type, (await kept.partials.find(id))?.offset]);
    };
    const add = (...parts: (string | Uint8Array)[]) => claimed(id, () => kept.partials.append(id, chunks(...parts), onType));
    await add('%PD', 'F-1.7', randomBytes(30_000));
    expect(told).toEqual([]);
    await add(randomBytes(MiB), randomBytes(7));
    await add(randomBytes(7));
    expect(told).toEqual([['application/pdf', 30_008]]);
  });

  test('that are not wanted for their type are not kept, and those before them are', async () => {
    const id = await begun(3 * MiB);
    await append(id, '%PDF-1.7');
    const onType = () => Promise.reject(new Error('not wanted'));
    await expect(claimed(id, () => kept.partials.append(id, chunks('abc', randomBytes(MiB)), onType))).rejects.toThrow('not wanted');
    expect(await readFile(pathOf(id, 'bytes'), 'utf8')).toBe('%PDF-1.7abc');
    expect(await kept.partials.find(id)).toMatchObject({ offset: 11 });
  });

  test('that were written before a crash and not confirmed do not count', async () => {
    const id = await begun(10);
    await append(id, 'hello');
    await writeFile(pathOf(id, 'bytes'), 'hello, and more than that', { flag: 'w' });
    expect(await kept.partials.find(id)).toMatchObject({ offset: 5 });
    await append(id, ' you');
    expect(await readFile(pathOf(id, 'bytes'), 'utf8')).toBe('hello you');
  });

  test('that were confirmed and are gone are not made up', async () => {
    const id = await begun(10);
    await append(id, 'hello');
    await truncate(pathOf(id, 'bytes'), 3);
    await expect(append(id, 'world')).rejects.toMatchObject({ code: 'storage_unavailable' });
  });

  test('are gone once the upload has ended; what became of it stays', async () => {
    const id = await begun(5);
    await append(id, 'hello');
    await claimed(id, () => kept.partials.end(id, { jobId: 'upload_x' }));
    expect(await kept.names()).toEqual([`${id}.json`]);
    expect(await kept.partials.find(id)).toMatchObject({ offset: 5, end: { jobId: 'upload_x', at: expect.any(Date) } });
    await claimed(id, () => kept.partials.remove(id));
    expect(await kept.names()).toEqual([]);
  });
});

describe('a claim', () => {
  test('is held by one at a time, and needed to write', async () => {
    const id = await begun(5);
    await expect(kept.partials.append(id, chunks('hello'))).rejects.toThrow('not claimed');
    await claimed(id, async () => {
      expect(await kept.partials.claim(id, () => undefined)).toBeUndefined();
      expect(await createPartialUploads(kept.directory).claim(id, () => undefined)).toBeUndefined();
    });
    await claimed(id, () => Promise.resolve());
  });

  test('is given up only when nothing is written any more', async () => {
    const id = await begun(5);
    const claim = await kept.partials.claim(id, () => undefined);
    let goOn: () => void = () => undefined;
    const stuck = new Promise<void>((resolve) => (goOn = resolve));
    async function* slow(): AsyncGenerator<Uint8Array> {
      yield* chunks('hel');
      await stuck;
      yield* chunks('lo');
    }
    const writing = kept.partials.append(id, slow());
    let released = false;
    const releasing = claim?.release().then(() => (released = true));
    await new Promise(setImmediate);
    expect(released).toBe(false);
    goOn();
    expect(await writing).toBe(5);
    await releasing;
  });

  test('tells its holder that somebody waits for it', async () => {
    const id = await begun(5);
    const partials = createPartialUploads(kept.directory, { beatMs: 10 });
    const onWanted = jest.fn();
    const claim = await partials.claim(id, onWanted);
    expect(onWanted).not.toHaveBeenCalled();
    await kept.partials.claim(id, () => undefined);
    await eventually(() => {
      expect(onWanted).toHaveBeenCalled();
    });
    await claim?.release();
    await claimed(id, () => Promise.resolve());
    expect(await kept.names()).toEqual([`${id}.json`]);
  });

  test('of a process that has died is taken at once; one of another machine when it gives no sign of life', async () => {
    const id = await begun(5);
    const dead = spawn(process.execPath, ['-e', '']);
    await once(dead, 'exit');
    await writeFile(pathOf(id, 'claim'), `${hostname()} ${String(dead.pid)}`);
    await claimed(id, () => Promise.resolve());
    await writeFile(pathOf(id, 'claim'), `elsewhere ${String(process.pid)}`);
    expect(await kept.partials.claim(id, () => undefined)).toBeUndefined();
    const longAgo = new Date(Date.now() - 60_000);
    await utimes(pathOf(id, 'claim'), longAgo, longAgo);
    await claimed(id, () => Promise.resolve());
    // In a container the next process often has the id of the one before.
    await writeFile(pathOf(id, 'claim'), `${hostname()} ${String(process.pid)}`);
    await claimed(id, () => Promise.resolve());
  });

  test('that may have been taken by others lets nothing be written any more', async () => {
    const id = await begun(5);
    const asleep = createPartialUploads(kept.directory, { beatMs: 1_000_000, staleMs: 2 });
    const claim = await asleep.claim(id, () => undefined);
    await new Promise((resolve) => setTimeout(resolve, 10));
    await expect(asleep.append(id, chunks('hello'))).rejects.toThrow('lost');
    await claim?.release();
    expect(await kept.partials.find(id)).toMatchObject({ offset: 0 });
  });
});

test('what crashes leave behind is swept once it is old, and nothing else', async () => {
  const [alive, ended] = [await begun(10), await begun(5)];
  await append(alive, 'hello');
  await append(ended, 'hello');
  await claimed(ended, () => kept.partials.end(ended, { jobId: 'upload_x' }));
  const folder = dirname(pathOf(alive, 'json'));
  const orphan = newPartialUploadId(tenant);
  const left = [`${orphan}.bytes`, `${ended}.bytes`, `${orphan}.claim`, `${orphan}.claim.wanted`, `${orphan}.json.tmp`];
  for (const name of left) await writeFile(join(folder, name), 'x');
  await kept.partials.sweep({ olderThanMs: 3_600_000 });
  expect((await kept.names()).length).toBe(3 + left.length);
  const longAgo = new Date('2020-01-01T00:00:00Z');
  for (const name of await kept.names()) await utimes(join(folder, name), longAgo, longAgo);
  await kept.partials.sweep({ olderThanMs: 3_600_000 });
  expect(await kept.names()).toEqual([`${alive}.bytes`, `${alive}.json`, `${ended}.json`].sort());
  const all: string[] = [];
  for await (const { id } of kept.partials.all()) all.push(id);
  expect(all.sort()).toEqual([alive, ended].sort());
  const tag = tenantTag('acme');
  const own: string[] = [];
  for await (const { id } of kept.partials.all({ tenant: 'acme', tag })) own.push(id);
  expect(own.sort()).toEqual(all);
  // Whose tag is another one, and whose is the same.
  for (const foreign of [tenantTag('other'), tag])
    for await (const { id } of kept.partials.all({ tenant: 'other', tag: foreign })) throw new Error(`Not of this tenant: ${id}`);
});

test('an id is never a path of somebody’s choice', async () => {
  expect(await kept.partials.find('../../etc/passwd')).toBeUndefined();
  await expect(kept.partials.claim('tus_../../etc/passwd', () => undefined)).rejects.toThrow('Not an id');
});
