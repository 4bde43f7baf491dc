import { randomBytes } from 'node:crypto';
import { utimes } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterEach, describe, expect, it } from '@jest/globals';

import type { S3BlobStore } from '../../../src/storage/s3.ts';
import { cutting } from '../../support/s3-cutting.ts';
import { blobBehaviour } from './blob-behaviour.ts';
import { blobPath, chunks } from './directory.ts';
import { testBucket } from './s3-bucket.ts';

const MiB = 1024 * 1024;
const day = 24 * 3_600_000;
const bucket = testBucket();
const { store, keys, local, sent, spool } = bucket;

async function commit(bytes: string | Uint8Array): Promise<string> {
  const staged = await store().stage(chunks(bytes));
  await staged.commit();
  return staged.sha256;
}

describe('as any blob store', () => {
  let only: S3BlobStore | undefined;
  afterEach(() => {
    only = undefined;
  });
  blobBehaviour({
    store: () => (only ??= store()),
    left: async () => [...keys(), ...(await local())].sort(),
    async makeOld(path) {
      if (path.startsWith('tmp/')) await utimes(join(spool.path, path), new Date(0), new Date(0));
      else bucket.s3.makeOld(`handoff/${path}`);
    },
    get aside() {
      return dirname(spool.path);
    },
  });
});

describe('commit', () => {
  it('sends what is large in parts, each small enough to be held in memory', async () => {
    const bytes = randomBytes(20 * MiB);
    const hash = await commit(bytes);
    expect(sent('PUT', /partNumber=/)).toHaveLength(3);
    expect(keys()).toEqual([blobPath(hash)]);
    expect((await buffer(store().read(hash))).equals(bytes)).toBe(true);
    expect(await local()).toEqual([]);
  });

  it('sends the same bytes once', async () => {
    await commit('Dear Ada');
    await commit('Dear Ada');
    expect(sent('PUT', /blobs/)).toHaveLength(1);
  });

  it('leaves nothing partial when a part can not be sent, and can be tried again', async () => {
    const staged = await store().stage(chunks(randomBytes(17 * MiB)));
    bucket.s3.instead = ({ path }) => (path.includes('partNumber=2') ? { status: 400, code: 'EntityTooSmall' } : undefined);
    await expect(staged.commit()).rejects.toMatchObject({ code: 'storage_unavailable', retryable: true });
    expect([keys(), bucket.s3.unfinished()]).toEqual([[], 0]);
    bucket.s3.instead = undefined;
    await staged.commit();
    expect(keys()).toEqual([blobPath(staged.sha256)]);
  });

  it('asks for no object to be written over, and is content when somebody else was faster', async () => {
    const staged = await store().stage(chunks('Dear Ada'));
    bucket.s3.instead = ({ method, headers }) => {
      if (method !== 'PUT') return undefined;
      expect(headers['if-none-match']).toBe('*');
      bucket.s3.objects.set(`handoff/${blobPath(staged.sha256)}`, {
        ...{ key: `handoff/${blobPath(staged.sha256)}`, body: Buffer.from('Dear Ada'), contentLength: 8, lastModified: new Date() },
        ...{ etag: '"x"', contentType: 'application/octet-stream', metadata: {} },
      });
      return { status: 412, code: 'PreconditionFailed' };
    };
    await staged.commit();
    expect(sent('PUT', /blobs/)).toHaveLength(1);
    expect(await local()).toEqual([]);
  });

  it('does without that where the service does not know it', async () => {
    bucket.s3.instead = ({ headers }) => (headers['if-none-match'] === '*' ? { status: 501, code: 'NotImplemented' } : undefined);
    const one = store();
    for (const text of ['Dear Ada', 'Dear Bob']) await (await one.stage(chunks(text))).commit();
    expect(keys()).toHaveLength(2);
    expect(bucket.s3.requests.filter(({ headers }) => headers['if-none-match'] === '*')).toHaveLength(1);
  });

  it('writes over an object of another size, which can be no blob of ours', async () => {
    const hash = await commit('Dear Ada');
    const object = bucket.s3.objects.get(`handoff/${blobPath(hash)}`);
    Object.assign(object ?? {}, { body: Buffer.from('Dear'), contentLength: 4 });
    await commit('Dear Ada');
    expect((await buffer(store().read(hash))).toString()).toBe('Dear Ada');
  });
});

describe('read', () => {
  it('goes on where a connection has broken', async () => {
    const bytes = randomBytes(4 * MiB);
    const hash = await commit(bytes);
    const proxy = await cutting(bucket.s3.endpoint, { afterBytes: MiB, times: 2 });
    try {
      expect(
        (await buffer(store({ endpoint: proxy.endpoint }).read(hash, { start: 7, end: 3 * MiB + 7 }))).equals(
          bytes.subarray(7, 3 * MiB + 8),
        ),
      ).toBe(true);
      expect(proxy.cut).toBe(2);
    } finally {
      await proxy.close();
    }
  });

  it('gives up when nothing comes any more', async () => {
    const hash = await commit(randomBytes(4 * MiB));
    const proxy = await cutting(bucket.s3.endpoint, { afterBytes: 0, times: Infinity });
    try {
      await expect(buffer(store({ endpoint: proxy.endpoint }).read(hash))).rejects.toMatchObject({
        code: 'storage_unavailable',
        retryable: true,
      });
    } finally {
      await proxy.close();
    }
  });
});

describe('a service that fails', () => {
  it.each([
    ['a wrong key', 403, 'InvalidAccessKeyId'],
    ['no rights', 403, 'AccessDenied'],
    ['no such bucket', 404, 'NoSuchBucket'],
  ])('is unavailable, and its errors tell no secret: %s', async (_what, status, code) => {
    const staged = await store().stage(chunks('Dear Ada'));
    bucket.s3.instead = ({ method }) => (method === 'HEAD' ? undefined : { status, code });
    const failures = await Promise.all(
      [
        staged.commit(),
        buffer(store().read(staged.sha256)),
        store().check(),
        store().sweep({ referenced: () => Promise.resolve(new Set()), olderThanMs: day }),
      ].map((work) =>
        work.then(
          () => undefined,
          (error: unknown) => error as Error & { code: string; retryable: boolean },
        ),
      ),
    );
    for (const failure of failures) {
      expect(failure).toMatchObject({ code: 'storage_unavailable', retryable: true, message: `The file storage can't be used: ${code}.` });
      const told = JSON.stringify([failure, failure?.cause, failure?.stack, (failure?.cause as Error | undefined)?.stack]);
      expect(told).not.toMatch(/AKID|nowhere to be seen|Signature=|handoff\//);
    }
    expect(failures).toHaveLength(4);
  });

  it('is unavailable when nobody listens', async () => {
    const nobody = store({ endpoint: 'http://127.0.0.1:1' });
    await expect(nobody.check()).rejects.toMatchObject({ code: 'storage_unavailable', retryable: true });
  });

  it('is asked again within a request when it is only busy', async () => {
    const staged = await store().stage(chunks('Dear Ada'));
    let busy = 2;
    bucket.s3.instead = ({ method }) => (method === 'PUT' && busy-- > 0 ? { status: 503, code: 'SlowDown' } : undefined);
    await staged.commit();
    expect(keys()).toEqual([blobPath(staged.sha256)]);
  });
});

describe('check', () => {
  it('writes to see whether it can, but not each time that somebody asks', async () => {
    const one = store();
    await one.check();
    await one.check();
    expect(sent('PUT', /probe/)).toHaveLength(1);
    bucket.ahead = 60_000;
    bucket.s3.instead = () => ({ status: 403, code: 'AccessDenied' });
    await expect(one.check()).rejects.toMatchObject({ code: 'storage_unavailable' });
    expect(keys()).toEqual(['probe']);
  });
});

describe('sweep', () => {
  const sweep = (...used: string[]) =>
    store().sweep({ olderThanMs: day, referenced: (asked) => Promise.resolve(new Set(asked.filter((hash) => used.includes(hash)))) });
  const swept = (hash: string) => blobPath(hash).replace('blobs', 'swept');
  async function old(text: string): Promise<string> {
    const hash = await commit(text);
    bucket.s3.makeOld(`handoff/${blobPath(hash)}`);
    return hash;
  }

  it('moves aside what nobody uses, and removes it for good a day later', async () => {
    const hash = await old('Dear Ada');
    expect(await sweep()).toEqual({ temporary: 0, blobs: 1 });
    expect(keys()).toEqual([swept(hash)]);
    bucket.ahead = 2 * day;
    await sweep();
    expect(keys()).toEqual([]);
  });

  it('brings back what somebody has found there before and uses since', async () => {
    const hash = await old('Dear Ada');
    // Committed, and not yet recorded.
    await commit('Dear Ada');
    await sweep();
    expect(keys()).toEqual([swept(hash)]);
    expect((await buffer(store().read(hash, { start: 5, end: 7 }))).toString()).toBe('Ada');
    await sweep(hash);
    expect(keys()).toEqual([blobPath(hash), swept(hash)]);
    bucket.ahead = 2 * day;
    await sweep(hash);
    expect(keys()).toEqual([blobPath(hash)]);
  });

  it('looks at page after page, and removes nothing that it did not make', async () => {
    const used = await old('used');
    const body = {
      body: Buffer.alloc(0),
      contentLength: 0,
      etag: '"x"',
      contentType: 'text/plain',
      metadata: {},
      lastModified: new Date(0),
    };
    for (let i = 0; i < 1_100; i += 1) {
      const key = `handoff/${blobPath(i.toString(16).padStart(64, '0'))}`;
      bucket.s3.objects.set(key, { ...body, key });
    }
    for (const key of ['handoff/blobs/README', 'other/blobs/ab/cd']) bucket.s3.objects.set(key, { ...body, key });
    const asked: number[] = [];
    const result = await store().sweep({
      olderThanMs: day,
      referenced(hashes) {
        asked.push(hashes.length);
        // All but the last ten.
        return Promise.resolve(new Set(hashes.filter((hash) => hash === used || parseInt(hash, 16) < 1_090)));
      },
    });
    expect(asked).toEqual([500, 500, 101, 10]);
    expect(result).toEqual({ temporary: 0, blobs: 10 });
    expect(keys()).toEqual(expect.arrayContaining(['blobs/README', 'other/blobs/ab/cd', blobPath(used)]));
  });

  it('ends uploads in parts that nobody has completed', async () => {
    const upload = (id: string, at: string) =>
      `<Upload><Key>handoff/blobs/ab/cd</Key><UploadId>${id}</UploadId><Initiated>${at}</Initiated></Upload>`;
    const list = `<ListMultipartUploadsResult>${upload('old', '2020-01-01T00:00:00Z')}${upload('young', new Date().toISOString())}</ListMultipartUploadsResult>`;
    bucket.s3.instead = ({ method, path }) => {
      if (method === 'GET' && path.includes('uploads')) return { status: 200, body: list };
      return method === 'DELETE' ? { status: 204, body: '' } : undefined;
    };
    expect(await sweep()).toEqual({ temporary: 1, blobs: 0 });
    expect(sent('DELETE', /uploadId=/).map(({ path }) => /uploadId=(\w+)/.exec(path)?.[1])).toEqual(['old']);
  });
});
