import { connect } from 'node:net';
import { describe, expect, test } from '@jest/globals';

import type { FileTerms, StoredFile } from '../../../src/jobs/files.ts';
import { fileIdFor, newJobId } from '../../../src/jobs/ids.ts';
import { keys, testApi } from '../../support/api.ts';
import { eventually } from '../../support/eventually.ts';
import { chunks } from '../../support/file-store.ts';

const api = testApi();
const jobId = newJobId('report', 'acme', 'k');
const content = '0123456789';

async function stored(terms: FileTerms = {}, bytes: string | Uint8Array = content): Promise<StoredFile> {
  const staged = await api.store.files.stage(chunks(bytes));
  const file = { name: 'a.txt', contentType: 'text/plain', tenant: 'acme', jobId };
  const { id } = await staged.commit({ ...file, id: fileIdFor(jobId, JSON.stringify(terms)) });
  return (await api.store.files.setTerms('acme', [id], terms))[0] as StoredFile;
}

interface Shown {
  downloads: number;
  maxDownloads: number | null;
  lastDownloadedAt: string | null;
  expiresAt?: string;
  links: { content: string };
}

const shown = async ({ id }: StoredFile) => (await api.agent().get(`/v1/files/${id}`)).body as Shown;
const linkTo = async (file: StoredFile) => (await shown(file)).links.content;
const gone = (code: string) => ({ status: 410, body: expect.objectContaining({ code, status: 410, retryable: false }) as unknown });

describe('downloads by a link', () => {
  test('are counted when they are whole; parts, HEAD, what is known and what has a key are not', async () => {
    const file = await stored();
    const link = await linkTo(file);
    await api.anonymous().head(link).expect(200);
    await api.anonymous().get(link).set('Range', 'bytes=0-3').expect(206);
    await api.anonymous().get(link).set('If-None-Match', `"${file.sha256}"`).expect(304);
    await api.agent().get(link).expect(200);
    expect(await shown(file)).toMatchObject({ downloads: 0, lastDownloadedAt: null, maxDownloads: null });
    await api.anonymous().get(link).expect(200);
    await api.anonymous().get(link).expect(200);
    const { downloads, lastDownloadedAt } = await shown(file);
    expect(downloads).toBe(2);
    expect(Date.parse(lastDownloadedAt ?? '')).toBeGreaterThan(Date.now() - 60_000);
  });

  test('are no more than allowed: then it is 410, also for HEAD, and a key still reads it', async () => {
    const file = await stored({ maxDownloads: 2 });
    const link = await linkTo(file);
    for (let taken = 0; taken < 2; taken += 1) expect((await api.anonymous().get(link)).text).toBe(content);
    const refused = await api.anonymous().get(link);
    expect(refused).toMatchObject(gone('link_used_up'));
    expect(refused.get('Cache-Control')).toBe('no-store');
    expect(refused.get('ETag')).toBeUndefined();
    expect((await api.anonymous().head(link)).status).toBe(410);
    // A new link to the same file is none the better.
    expect(await api.anonymous().get(await linkTo(file))).toMatchObject(gone('link_used_up'));
    expect((await api.agent().get(`/v1/files/${file.id}/content`)).text).toBe(content);
    expect(await shown(file)).toMatchObject({ downloads: 2, maxDownloads: 2 });
  });

  test('of which one is left, and which are asked for at once: one gets it', async () => {
    const link = await linkTo(await stored({ maxDownloads: 1 }));
    const answers = await Promise.all(Array.from({ length: 8 }, () => api.anonymous().get(link)));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, ...Array<number>(7).fill(410)]);
  });

  test('come whole where they are limited, so that nobody gets a file in parts uncounted', async () => {
    const file = await stored({ maxDownloads: 1 });
    const answer = await api
      .anonymous()
      .get(await linkTo(file))
      .set('Range', 'bytes=0-8');
    expect([answer.status, answer.text, answer.get('Accept-Ranges')]).toEqual([200, content, 'none']);
    expect(await shown(file)).toMatchObject({ downloads: 1 });
  });

  test('that break off are given back', async () => {
    const file = await stored({ maxDownloads: 1 }, Buffer.alloc(8 * 1024 * 1024));
    const link = await linkTo(file);
    const socket = connect(api.port, '127.0.0.1');
    socket.write(`GET ${link} HTTP/1.1\r\nHost: x\r\n\r\n`);
    await new Promise((resolve) => socket.once('data', resolve));
    // Its buffers are full, and it is not whole.
    socket.pause();
    expect(await shown(file)).toMatchObject({ downloads: 1 });
    socket.destroy();
    await eventually(async () => {
      expect(await shown(file)).toMatchObject({ downloads: 0, lastDownloadedAt: null });
    });
    expect((await api.anonymous().get(link)).status).toBe(200);
  });

  test('whose bytes are missing are not counted', async () => {
    const file = await stored({ maxDownloads: 1 });
    const record = api.store.records.get(file.id);
    if (record) record.sha256 = 'cd'.repeat(32);
    expect((await api.anonymous().get(await linkTo(file))).status).toBe(404);
    expect(await shown(file)).toMatchObject({ downloads: 0 });
  });
});

describe('a link with a life of its own', () => {
  const lifeOf = (link: string) => Number(new URL(link, 'http://x').searchParams.get('expires')) * 1_000 - Date.now();

  test.each([60, 7_200, 604_800])('of %d s works for as long, and at most for an hour or twice as long', async (linkSeconds) => {
    const file = await stored({ linkSeconds });
    const link = await linkTo(file);
    expect(lifeOf(link)).toBeGreaterThan((linkSeconds - 2) * 1_000);
    expect(lifeOf(link)).toBeLessThanOrEqual((linkSeconds + Math.min(3_600, linkSeconds)) * 1_000);
    expect((await api.anonymous().get(link)).text).toBe(content);
    expect((await api.anonymous().get(link.replace(/expires=\d+/, 'expires=9999999999'))).status).toBe(404);
  });

  test('ends with its file', async () => {
    const expiresAt = new Date(Date.now() + 90_000).toISOString();
    const file = await stored({ expiresAt });
    expect(lifeOf(await linkTo(file))).toBeLessThanOrEqual(90_000);
    expect((await shown(file)).expiresAt).toBe(expiresAt);
  });
});

describe('a file that has expired', () => {
  test('is 410 to its tenant and by its link, 404 to others, and can still be deleted', async () => {
    const file = await stored({ maxDownloads: 9 });
    const link = await linkTo(file);
    await api.store.files.setTerms('acme', [file.id], { expiresAt: new Date(Date.now() - 1).toISOString() });
    const path = `/v1/files/${file.id}`;
    for (const answer of [await api.agent().get(path), await api.agent().get(`${path}/content`), await api.anonymous().get(link)])
      expect(answer).toMatchObject(gone('file_expired'));
    expect((await api.agent(keys.other).get(path)).status).toBe(404);
    expect((await api.anonymous().get(`${link}x`)).status).toBe(404);
    expect((await api.agent().delete(path)).status).toBe(204);
    expect((await api.agent().get(path)).status).toBe(404);
  });
});

describe('GET /v1/files', () => {
  test('lists files with their links, and refuses what is no filter', async () => {
    const file = await stored();
    const answer = await api.agent().get('/v1/files').query({ jobId }).expect(200);
    expect(answer.body).toEqual({ items: [await shown(file)], nextCursor: null });
    expect((await api.agent(keys.other).get('/v1/files')).body).toEqual({ items: [], nextCursor: null });
    const wrong = await api.agent().get('/v1/files').query({ name: 'a' });
    expect(wrong).toMatchObject({ status: 400, body: { code: 'invalid_filter', errors: [{ pointer: '#query:name' }] } });
    expect((await api.agent().get('/v1/files').query({ cursor: 'x' })).body).toMatchObject({ code: 'invalid_cursor' });
  });
});
