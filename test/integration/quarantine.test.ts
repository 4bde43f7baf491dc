import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { join } from 'node:path';

import { eicar, startClamd, type TestClamd, whyNoClamd } from '../support/clamd.ts';
import { eventually } from '../support/eventually.ts';
import { filesBelow } from '../support/files-below.ts';
import { overlappingZip, zipOf } from '../support/archives.ts';
import { picture } from '../support/pictures.ts';
import { startSystem, type TestApiProcess, type TestSystem } from '../support/system.ts';

const missing = await whyNoClamd();
const withClamd = missing === undefined ? describe : describe.skip;

interface Answer {
  status: number;
  body: Record<string, unknown>;
}

withClamd(`uploads with a real clamd${missing === undefined ? '' : ` (skipped: ${missing})`}`, () => {
  let clamd: TestClamd;
  let system: TestSystem;
  let api: TestApiProcess;
  let key = '';
  beforeAll(async () => {
    clamd = await startClamd();
    system = await startSystem({ taskQueue: 'test-quarantine', env: { HANDOFF_CLAMD_URL: clamd.url } });
    api = await system.startApi();
    key = await api.keyOf('acme');
  });
  afterAll(async () => {
    await system.close();
    await clamd.close();
  });

  async function ask(path: string, init: RequestInit = {}): Promise<Answer> {
    const answer = await fetch(`${api.url}${path}`, { ...init, headers: { Authorization: `Bearer ${key}` } });
    const isJson = /json/.test(answer.headers.get('Content-Type') ?? '');
    return { status: answer.status, body: isJson ? ((await answer.json()) as Answer['body']) : {} };
  }
  async function upload(bytes: Buffer, name: string): Promise<{ jobId: string; fileId: string; sha256: string }> {
    const form = new FormData();
    form.set('file', new Blob([new Uint8Array(bytes)]), name);
    const { status, body } = await ask('/v1/uploads', { method: 'POST', body: form });
    expect(status).toBe(202);
    const jobId = String(body['id']);
    const list = (await ask(`/v1/files?jobId=${jobId}`)).body['items'] as { id: string; sha256: string; state: string }[];
    // Unless it has passed already.
    const file = list.at(-1);
    return { jobId, fileId: file?.id ?? '', sha256: file?.sha256 ?? '' };
  }
  const until = (jobId: string, expected: object) =>
    eventually(async () => {
      const { body } = await ask(`/v1/jobs/${jobId}`);
      expect(body).toMatchObject(expected);
      return body;
    });
  const blobOf = async (sha256: string) =>
    (await filesBelow(join(system.dataDir, 'files'))).filter((path) => path.replaceAll(/\W|blobs/g, '').includes(sha256));

  test('what carries a virus is rejected for good: no dead letter, no bytes, and the reason is told wherever one asks', async () => {
    const { jobId, fileId, sha256 } = await upload(Buffer.concat([Buffer.from('Dear Ada\n'), eicar]), 'letter.txt');
    const reason = { reason: 'virus', detail: 'the virus scanner found Eicar-Test.UNOFFICIAL' };
    const checks = [{ name: 'virus', outcome: 'rejected', engine: expect.stringMatching(/^ClamAV/) as unknown }];
    const error = { code: 'file_rejected', retryable: false, reason: 'virus', checks, detail: `The file was rejected: ${reason.detail}.` };
    await until(jobId, { status: 'failed', result: null, deadLetter: null, error });
    expect((await ask(`/v1/files/${fileId}`)).body).toMatchObject({ state: 'rejected', rejection: reason, checks });
    expect(await ask(`/v1/files/${fileId}/content`)).toMatchObject({ status: 409, body: { code: 'file_rejected' } });
    expect(await blobOf(sha256)).toEqual([]);
  });

  test('what is clean, and what is packed as it should be, is let go, and the job tells what was checked', async () => {
    const photo = await picture(40, 30).png().toBuffer();
    const clean = await upload(photo, 'photo.png');
    const passed = [{ name: 'virus', outcome: 'passed', engine: expect.stringMatching(/^ClamAV/) as unknown, databaseDate: null }];
    await until(clean.jobId, { status: 'completed', result: { image: { width: 40 }, checks: passed } });
    expect((await ask(`/v1/files/${clean.fileId}/content`)).status).toBe(200);
    expect(await blobOf(clean.sha256)).toHaveLength(1);
    const packed = await upload(zipOf([{ name: 'a' }, { name: 'b' }]), 'two.zip');
    const looked = { name: 'archive', outcome: 'passed', format: 'zip', entries: 2, unpackedBytes: 10, closedEntries: 0 };
    await until(packed.jobId, { status: 'completed', result: { checks: [looked, ...passed] } });
  });

  test('a virus within an archive, and a bomb, are rejected', async () => {
    const hidden = await upload(zipOf([{ name: 'a/b', content: eicar }]), 'a.zip');
    await until(hidden.jobId, { status: 'failed', error: { code: 'file_rejected', reason: 'virus' } });
    const bomb = await upload(overlappingZip(250, Buffer.alloc(8_000_000)), 'b.zip');
    const error = { code: 'file_rejected', reason: 'archive_bomb', checks: [{ name: 'archive', outcome: 'rejected' }] };
    await until(bomb.jobId, { status: 'failed', error });
    expect(await blobOf(bomb.sha256)).toEqual([]);
  });

  test('while the scanner is away a file waits in quarantine, the job says why, and goes on when it is back', async () => {
    await clamd.stop();
    const { jobId, fileId } = await upload(Buffer.from('hello'), 'a.txt');
    await until(jobId, { status: 'retrying', error: { code: 'scanner_unavailable', retryable: true } });
    expect(await ask(`/v1/files/${fileId}/content`)).toMatchObject({ status: 409, body: { code: 'file_quarantined' } });
    const { body } = await ask(`/v1/jobs/${jobId}/explain`);
    expect(JSON.stringify(body)).toMatch(/scanFile waits for .*The virus scanner can not be reached/);
    const ready = await fetch(`${api.url}/readyz`);
    expect(await ready.json()).toMatchObject({ scanner: { state: 'unreachable' } });
    await clamd.start();
    await until(jobId, { status: 'completed', result: { checks: [{ name: 'virus', outcome: 'passed' }] } });
    expect((await ask(`/v1/files/${fileId}/content`)).status).toBe(200);
  });
});
