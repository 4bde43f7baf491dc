import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import type { StoredFile } from '../../src/jobs/files.ts';
import { clientOf, type TenantClient } from '../support/belongings.ts';
import { eventually } from '../support/eventually.ts';
import { filesBelow } from '../support/files-below.ts';
import { startS3, storageOf, type TestS3 } from '../support/s3.ts';
import { startSystem, type TestApiProcess, type TestSystem } from '../support/system.ts';

type Linked = StoredFile & { links: { content: string } };

let s3: TestS3;
let system: TestSystem;
let api: TestApiProcess;
let client: TenantClient;
let key: string;

beforeAll(async () => {
  s3 = await startS3();
  system = await startSystem({ taskQueue: 'test-s3', only: ['report', 'upload'], storage: storageOf(s3) });
  api = await system.startApi();
  key = await api.keyOf('acme');
  client = clientOf(api.port, key);
});
afterAll(async () => {
  await system.close();
  await s3.close();
});

async function resultOf(answer: Awaited<ReturnType<TenantClient['ask']>>): Promise<Record<string, unknown>> {
  expect(answer.status).toBe(202);
  return eventually(async () => {
    const { body } = await client.ask('GET', `/v1/jobs/${String(answer.body['id'])}`);
    expect(body).toMatchObject({ status: 'completed' });
    return body['result'] as Record<string, unknown>;
  });
}

const bytesOf = async ({ id }: Pick<Linked, 'id'>, range?: string) => {
  const headers = { Authorization: `Bearer ${key}`, ...(range !== undefined && { Range: range }) };
  const answer = await fetch(`${api.url}/v1/files/${id}/content`, { headers });
  return { status: answer.status, bytes: Buffer.from(await answer.arrayBuffer()) };
};

/** Bytes that wait to be sent: nothing, once all is done. */
const waiting = () => filesBelow(join(system.dataDir, 'spool'));

test('an upload with a variant and a report of it lie in S3, and are read from there', async () => {
  const photo = await readFile('examples/photo.jpg');
  const form = new FormData();
  form.append('file', new File([photo], 'photo.jpg', { type: 'image/jpeg' }));
  form.append('request', JSON.stringify({ variants: [{ name: 'thumb', width: 32, format: 'webp' }] }));
  const { file, variants } = (await resultOf(await client.ask('POST', '/v1/uploads', form))) as {
    file: Linked;
    variants: { file: Linked }[];
  };
  expect((await bytesOf(file)).bytes.equals(photo)).toBe(true);
  expect(await bytesOf(file, 'bytes=1000-1999')).toMatchObject({ status: 206, bytes: photo.subarray(1000, 2000) });
  const [thumb] = variants;
  expect((await bytesOf({ id: thumb?.file.id ?? '' })).bytes.subarray(0, 4).toString()).toBe('RIFF');

  const rows = Array.from({ length: 500 }, (_, index) => ({ city: `City ${String(index)}`, sum: index }));
  const outputs = [{ format: 'parquet' }, { format: 'csv' }];
  const first = (await resultOf(await client.ask('POST', '/v1/reports', { title: 'Sums', source: { rows }, outputs }))) as {
    files: Linked[];
  };
  const source = { files: [{ name: 'sums', fileId: first.files[0]?.id }] };
  const body = { title: 'Top', source, query: { sql: 'select city from sums where sum > 497 order by sum' }, outputs: [{ format: 'csv' }] };
  const second = (await resultOf(await client.ask('POST', '/v1/reports', body))) as { files: Linked[] };
  expect((await bytesOf({ id: second.files[0]?.id ?? '' })).bytes.toString().trim().split(/\r?\n/)).toEqual([
    'city',
    'City 498',
    'City 499',
  ]);

  const stored = [file.sha256, thumb?.file.sha256 ?? '', ...[...first.files, ...second.files].map(({ sha256 }) => sha256)];
  expect(s3.keys()).toEqual(expect.arrayContaining(stored.map((hash) => `handoff/blobs/${hash.slice(0, 2)}/${hash.slice(2)}`)));
  expect(await waiting()).toEqual([]);
});

test('a file that its client puts there itself becomes a job, once, and nothing of it passes through the API', async () => {
  const photo = await readFile('examples/photo.jpg');
  const told = { name: 'photo.jpg', contentType: 'image/jpeg', size: photo.length, request: { variants: [] } };
  const { status, body } = await client.ask('POST', '/v1/uploads/presigned', told);
  expect(status).toBe(201);
  const { upload, links } = body as {
    upload: { url: string; method: string; headers: Record<string, string> };
    links: { complete: string };
  };
  expect((await fetch(upload.url, { ...upload, body: photo })).status).toBe(200);
  const answers = await Promise.all([1, 2, 3].map(() => client.ask('POST', links.complete)));
  expect(new Set(answers.map((answer) => answer.body['id'])).size).toBe(1);
  const result = (await resultOf(answers[0] as (typeof answers)[0])) as { file: Linked };
  expect((await bytesOf(result.file)).bytes.equals(photo)).toBe(true);
  const again = await client.ask('POST', links.complete, undefined, { Prefer: 'wait=10' });
  expect([again.status, again.headers.get('Idempotency-Replayed'), again.body['id']]).toEqual([200, 'true', answers[0]?.body['id']]);
  expect(s3.keys().filter((one) => one.includes('/presigned/') && !one.endsWith('/note'))).toEqual([]);
  expect(await waiting()).toEqual([]);
});

test('what is not used any more is moved aside by the maintenance, and what is used stays', async () => {
  const { items } = (await client.ask('GET', '/v1/files')).body as { items: Linked[] };
  const gone = items.find(({ name }) => name === 'Top.csv');
  if (gone === undefined) throw new Error('There is no report');
  const keyAt = ({ sha256 }: Linked, folder: string) => `handoff/${folder}/${sha256.slice(0, 2)}/${sha256.slice(2)}`;
  const left = items.filter(({ sha256 }) => sha256 !== gone.sha256).map((file) => keyAt(file, 'blobs'));
  expect((await client.ask('DELETE', `/v1/files/${gone.id}`)).status).toBe(204);
  for (const one of s3.keys()) s3.makeOld(one);
  await system.stores.files.upkeep.sweep({ olderThanMs: 60_000 });
  expect(s3.keys()).toEqual(expect.arrayContaining([keyAt(gone, 'swept'), ...left]));
  expect(s3.keys()).not.toContain(keyAt(gone, 'blobs'));
});
