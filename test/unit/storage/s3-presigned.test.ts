import { buffer } from 'node:stream/consumers';
import { describe, expect, it } from '@jest/globals';

import { blobPath, sha256 } from './directory.ts';
import { testBucket } from './s3-bucket.ts';

const day = 24 * 3_600_000;
const bucket = testBucket();
const { store, keys, sent } = bucket;

describe('a file that its client puts there', () => {
  const id = 'presigned_aaaaaabbbbbbbbbbbbbbbbbbbb';
  const what = { contentType: 'text/plain', size: 8, sha256: sha256('Dear Ada'), expiresInSeconds: 60 };
  const presigned = (location = {}) => {
    const found = store(location).presigned;
    if (found === undefined) throw new Error('There is none');
    return found;
  };
  const put = async (text: string) => {
    const { url, method, headers } = await presigned().open(id, what, 'a note');
    const answer = await fetch(url, { method, headers, body: text });
    expect(answer.status).toBe(200);
  };

  it('can be brought only as it was announced: what matters is part of the signature', async () => {
    const { url, headers } = await presigned({ publicEndpoint: 'https://files.example.com' }).open(id, what, 'a note');
    const { origin, pathname, searchParams } = new URL(url);
    expect([origin, pathname]).toEqual(['https://files.example.com', `/files/handoff/presigned/${id}/bytes`]);
    expect(searchParams.get('X-Amz-SignedHeaders')).toBe('content-length;content-type;host;x-amz-checksum-sha256');
    expect(searchParams.get('X-Amz-Expires')).toBe('60');
    expect([...searchParams.keys()].filter((name) => /checksum/i.test(name))).toEqual([]);
    const base64 = Buffer.from(what.sha256, 'hex').toString('base64');
    expect(headers).toEqual({ 'Content-Type': 'text/plain', 'x-amz-checksum-sha256': base64 });
    expect(await presigned().note(id)).toBe('a note');
  });

  it('is stored under its hash without passing through us again, and what is put later changes nothing', async () => {
    expect(await presigned().stage(id)).toBeUndefined();
    await put('Dear Ada');
    const staged = await presigned().stage(id);
    await put('Dear Bob');
    expect(staged).toMatchObject({ size: 8, sha256: sha256('Dear Ada') });
    expect(staged?.head.toString()).toBe('Dear Ada');
    bucket.s3.requests.length = 0;
    await staged?.commit();
    expect(sent('PUT', /blobs/).map(({ headers }) => headers['x-amz-copy-source'])).toHaveLength(1);
    expect((await buffer(store().read(sha256('Dear Ada')))).toString()).toBe('Dear Ada');
    await presigned().remove(id);
    expect(keys()).toEqual([blobPath(sha256('Dear Ada')), `presigned/${id}/note`].sort());
  });

  it('leaves nothing but itself when it is too large, or when nobody wants it', async () => {
    await put('Dear Ada');
    const before = keys();
    await expect(presigned().stage(id, { maxBytes: 7 })).rejects.toMatchObject({ code: 'payload_too_large' });
    await expect(presigned().stage(id, { signal: AbortSignal.abort(new Error('cancelled')) })).rejects.toThrow('cancelled');
    await (await presigned().stage(id))?.discard();
    expect(keys()).toEqual(before);
  });

  it('is swept when it is old, finished or not', async () => {
    await put('Dear Ada');
    bucket.ahead = 2 * day;
    await store().sweep({ olderThanMs: day, referenced: () => Promise.resolve(new Set()) });
    expect(keys()).toEqual([]);
    expect(await presigned().note(id)).toBeUndefined();
  });
});
