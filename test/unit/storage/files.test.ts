import { buffer } from 'node:stream/consumers';
import { beforeEach, describe, expect, it } from '@jest/globals';

import { imageCompleteness } from '../../../src/images/completeness.ts';
import { createDiskBlobStore } from '../../../src/storage/disk.ts';
import type { FileRecord } from '../../../src/storage/file-records.ts';
import type { KeptFileStore } from '../../../src/storage/files.ts';
import { createFileStore } from '../../../src/storage/files.ts';
import { anEntry } from '../../support/audit.ts';
import { picture } from '../../support/pictures.ts';
import { chunks, testDirectory } from './directory.ts';
import { recordsIn } from '../../support/file-store.ts';

const directory = testDirectory();
const id = 'file_abcdef234567abcdef234567ab';
const otherId = 'file_abcdef234567abcdef234567cd';
const uncounted = { downloads: 0, maxDownloads: null, lastDownloadedAt: null, state: 'ready', rejection: null, checks: null };
const owner = { tenant: 'acme', jobId: 'upload_abcdef234567abcdef234567ab' };
let records: Map<string, FileRecord>;
let files: KeptFileStore;

beforeEach(() => {
  records = new Map();
  files = createFileStore({ blobs: createDiskBlobStore(directory.path), records: recordsIn(records), completeness: imageCompleteness });
});

describe('a file', () => {
  const facts = { id, name: 'letter.txt', contentType: 'text/plain', ...owner };

  it('is there once it is committed, with its metadata', async () => {
    const staged = await files.stage(chunks('Dear Ada'));
    expect(await files.find('acme', id)).toBeUndefined();

    const stored = await staged.commit(facts);

    const { name, contentType } = facts;
    expect(stored).toEqual({ id, name, contentType, size: 8, sha256: staged.sha256 });
    const { createdAt } = (await files.find('acme', id)) ?? {};
    expect(createdAt).toBeInstanceOf(Date);
    expect(await files.find('acme', id)).toEqual({ ...stored, ...uncounted, jobId: owner.jobId, createdAt });
    expect((await buffer(files.read(stored, { start: 5, end: 7 }))).toString()).toBe('Ada');
  });

  it('is unknown to others, and so is an id that is none', async () => {
    await (await files.stage(chunks('Dear Ada'))).commit(facts);
    expect(await files.find('other', id)).toBeUndefined();
    expect(await files.find('acme', '../blobs')).toBeUndefined();
    await files.remove('other', id, anEntry());
    await files.remove('acme', '../blobs', anEntry());
    expect(await files.find('acme', id)).toBeDefined();
  });

  it('is the same when an activity runs again', async () => {
    const first = await (await files.stage(chunks('Dear Ada'))).commit(facts);
    const second = await (await files.stage(chunks('Dear ', 'Ada'))).commit(facts);
    expect(second).toEqual(first);
    expect(records.size).toBe(1);
  });

  it('stays the first one when a second run made other bytes', async () => {
    const first = await (await files.stage(chunks('Dear Ada'))).commit(facts);
    const second = await (await files.stage(chunks('Dear Bob'))).commit({ ...facts, name: 'other.txt' });
    expect(second).toEqual(first);
    expect((await buffer(files.read(second))).toString()).toBe('Dear Ada');
  });

  it("is not given out under another tenant's id", async () => {
    await (await files.stage(chunks('Dear Ada'))).commit(facts);
    const staged = await files.stage(chunks('Dear Ada'));
    await expect(staged.commit({ ...facts, tenant: 'other' })).rejects.toThrow('another tenant');
  });

  it('is not committed under what is no file id', async () => {
    const staged = await files.stage(chunks('Dear Ada'));
    await expect(staged.commit({ ...facts, id: '../../etc/passwd' })).rejects.toThrow('Not a file id');
    await staged.discard();
    expect(await directory.files()).toEqual([]);
  });

  it('is not recorded when its bytes could not be made durable', async () => {
    const staged = await files.stage(chunks('Dear Ada'));
    await staged.discard();
    await expect(staged.commit(facts)).rejects.toMatchObject({ code: 'storage_unavailable' });
    expect(records.size).toBe(0);
  });

  it('leaves its bytes to the sweep when it is removed, as long as no other file has them', async () => {
    await (await files.stage(chunks('Dear Ada'))).commit(facts);
    await (await files.stage(chunks('Dear Ada'))).commit({ ...facts, id: otherId, tenant: 'other' });
    const [blob = ''] = await directory.files();
    await directory.makeOld(blob);

    await files.remove('acme', id, anEntry());
    await files.remove('acme', id, anEntry());
    expect(await files.find('acme', id)).toBeUndefined();
    expect(await files.upkeep.sweep({ olderThanMs: 60_000 })).toEqual({ temporary: 0, blobs: 0 });

    await files.remove('other', otherId, anEntry());
    expect(await files.upkeep.sweep({ olderThanMs: 60_000 })).toEqual({ temporary: 0, blobs: 1 });
    expect(await directory.files()).toEqual([]);
  });
});

describe('stage', () => {
  it('passes limit and signal on', async () => {
    await expect(files.stage(chunks('Dear Ada'), { maxBytes: 7 })).rejects.toMatchObject({ code: 'payload_too_large' });
    await expect(files.stage(chunks('x'), { signal: AbortSignal.abort(new Error('cancelled')) })).rejects.toThrow('cancelled');
    await files.check();
    expect(await directory.files()).toEqual([]);
  });

  it('tells the type from the bytes, and a whole picture from a cut one', async () => {
    const bytes = await picture(300, 200).jpeg().toBuffer();
    const whole = await files.stage(chunks(bytes.subarray(0, 9), bytes.subarray(9)));
    const cut = await files.stage(chunks(bytes.subarray(0, -1)));
    expect([whole.sniffedType, whole.truncation]).toEqual(['image/jpeg', undefined]);
    expect([cut.sniffedType, cut.truncation]).toEqual(['image/jpeg', 'the JPEG ends before its end-of-image marker']);
  });

  it('proves and judges nothing of text', async () => {
    const staged = await files.stage(chunks('name,city\nAda,Oslo\n'));
    expect([staged.sniffedType, staged.truncation]).toEqual([undefined, undefined]);
  });
});
