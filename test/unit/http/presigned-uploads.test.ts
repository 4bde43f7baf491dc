import { createHash } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';

import { AppError } from '../../../src/errors.ts';
import { newJobId } from '../../../src/jobs/ids.ts';
import { createS3BlobStore } from '../../../src/storage/s3.ts';
import { jobOf, keys, testApi } from '../../support/api.ts';
import { picture } from '../../support/pictures.ts';
import { startS3, type TestS3 } from '../../support/s3.ts';

let s3: TestS3;
const open: { close(): Promise<void> }[] = [];

const api = testApi({
  blobs(spool) {
    const blobs = createS3BlobStore({
      ...{ bucket: s3.bucket, prefix: '', region: 'us-east-1', endpoint: s3.endpoint, publicEndpoint: undefined, pathStyle: true },
      ...{ credentials: { accessKeyId: 'AKIDTESTTESTTEST', secretAccessKey: 'secret' }, spool },
    });
    open.push(blobs);
    return blobs;
  },
});

beforeAll(async () => {
  s3 = await startS3();
});
afterEach(async () => {
  s3.clear();
  jest.restoreAllMocks();
  await Promise.all(open.splice(0).map((one) => one.close()));
});
afterAll(() => s3.close());

const path = '/v1/uploads/presigned';
const photo = () => picture(30, 20).jpeg().toBuffer();
const sha256 = (bytes: Buffer | string) => createHash('sha256').update(bytes).digest('hex');

interface Opened {
  id: string;
  upload: { method: string; url: string; headers: Record<string, string> };
  expiresAt: string;
  links: { complete: string };
}

const told = (bytes: Buffer | string, more: object = {}) => ({
  ...{ name: 'photo.jpg', contentType: 'image/jpeg', size: Buffer.byteLength(bytes) },
  ...more,
});
const ask = (body: object, key?: string) => api.agent(key).post(path).send(body);
const opened = async (body: object) => (await ask(body).expect(201)).body as Opened;
async function put({ upload: { method, url, headers } }: Opened, bytes: Buffer | string): Promise<void> {
  expect((await fetch(url, { method, headers, body: bytes })).status).toBe(200);
}
const complete = ({ links }: Pick<Opened, 'links'>, key?: string) => api.agent(key).post(links.complete);
const problem = async (answer: ReturnType<typeof ask>) => {
  const { status, body } = (await answer) as unknown as { status: number; body: { code: string; errors?: { pointer: string }[] } };
  return [status, body.code, ...(body.errors ?? []).map(({ pointer }) => pointer)];
};
const left = () => s3.keys().filter((key) => !key.endsWith('/note'));

describe('a presigned upload', () => {
  test('goes to the storage by itself, and is then as any other', async () => {
    const bytes = await photo();
    const request = { variants: [{ name: 'thumb', width: 10, format: 'webp' }], retentionDays: 7, options: { labels: { order: '42' } } };
    const one = await opened(told(bytes, { name: '../ö/photo.jpg', sha256: sha256(bytes), request }));
    expect(one).toMatchObject({ upload: { method: 'PUT' }, links: { complete: `${path}/${one.id}/complete` } });
    expect(Date.parse(one.expiresAt) - Date.now()).toBeGreaterThan(3_500_000);
    await put(one, bytes);

    const started = await complete(one).expect(202);

    expect(started.body).toMatchObject({ id: newJobId('upload', 'acme', `presigned ${one.id}`), type: 'upload' });
    const { variants } = request;
    const file = { name: 'photo.jpg', contentType: 'image/jpeg', size: bytes.length, sha256: sha256(bytes) };
    expect(api.started).toMatchObject([{ tenant: 'acme', input: { file, variants, retentionDays: 7 } }]);
    expect([...api.store.records.values()]).toMatchObject([{ tenant: 'acme', ...file }]);
    expect(left()).toEqual([`blobs/${file.sha256.slice(0, 2)}/${file.sha256.slice(2)}`]);
    expect(await api.store.count()).toBe(0);
  });

  test('starts one job, however often it is completed', async () => {
    const bytes = await photo();
    const one = await opened(told(bytes));
    await put(one, bytes);
    const first = await complete(one).expect(202);
    const [started] = api.started;
    api.jobs = { get: (_tenant, id) => Promise.resolve(started?.jobId === id ? jobOf(started) : undefined) };
    const again = await complete(one).expect(202);
    expect(again.headers['idempotency-replayed']).toBe('true');
    expect((again.body as Opened).id).toBe((first.body as Opened).id);
    expect(api.started).toHaveLength(1);
  });

  test('can be told what it is by its bytes alone', async () => {
    const bytes = await photo();
    const one = await opened(told(bytes, { contentType: 'application/octet-stream' }));
    await put(one, bytes);
    await complete(one).expect(202);
    expect(api.started).toMatchObject([{ input: { file: { contentType: 'image/jpeg' } } }]);
  });
});

describe('before anything is signed', () => {
  const faults: [string, object, unknown[]][] = [
    ['no size', { size: undefined }, [400, 'invalid_request', '/size']],
    ['an empty file', { size: 0 }, [400, 'invalid_request', '/size']],
    ['more than an upload may have', { size: 100_001 }, [413, 'payload_too_large', '/size']],
    ['no type', { contentType: 'picture' }, [400, 'invalid_request', '/contentType']],
    ['a header in the type', { contentType: 'image/png\r\nx: y' }, [400, 'invalid_request', '/contentType']],
    ['another form of the hash', { sha256: 'A'.repeat(64) }, [400, 'invalid_request', '/sha256']],
    ['a field that nobody knows', { more: 1 }, [400, 'invalid_request', '/more']],
    ['a wrong request', { request: { variants: [{ name: 'a', format: 'webp' }] } }, [400, 'invalid_request', '/request/variants/0/width']],
    ['an option out of range', { request: { options: { priority: 9 } } }, [400, 'value_out_of_range', '/request/options/priority']],
    [
      'a start in the past',
      { request: { options: { startAt: '2020-01-01T00:00:00Z' } } },
      [400, 'start_in_past', '/request/options/startAt'],
    ],
    ['an unknown preset', { request: { preset: 'none' } }, [400, 'preset_not_found', '/request/preset']],
  ];

  test('what is wrong is refused, with a pointer to it, and nothing is kept', async () => {
    for (const [what, change, expected] of faults)
      expect([what, await problem(ask({ ...told('x'), ...change }))]).toEqual([what, expected]);
    expect(s3.keys()).toEqual([]);
  });

  test('what the preset does not take is refused, as far as it is told', async () => {
    await api
      .agent()
      .put('/v1/upload-presets/avatar')
      .send({ accept: ['image/png'], maxBytes: 100 })
      .expect(201);
    const request = { preset: 'avatar' };
    expect(await problem(ask(told('x', { request })))).toEqual([400, 'file_not_accepted', '/contentType']);
    expect(await problem(ask(told('x'.repeat(101), { contentType: 'image/png', request })))).toEqual([400, 'file_not_accepted', '/size']);
    await ask(told('x', { contentType: 'image/png', request })).expect(201);
    await ask(told('x', { contentType: 'application/octet-stream', request })).expect(201);
  });

  test('a tenant without room is told so', async () => {
    api.limits.values.ceiling.storedBytes = 10;
    expect(await problem(ask(told('x'.repeat(11))))).toEqual([429, 'limit_exceeded', '/size']);
    await ask(told('x'.repeat(10))).expect(201);
  });

  test('a storage that is away is an answer, too', async () => {
    s3.instead = () => ({ status: 403, code: 'AccessDenied' });
    expect(await problem(ask(told('x')))).toEqual([503, 'storage_unavailable']);
  });
});

describe('completing', () => {
  test('what nobody has uploaded starts nothing, and can be done later', async () => {
    const bytes = await photo();
    const one = await opened(told(bytes));
    expect(await problem(complete(one))).toEqual([409, 'upload_not_received']);
    await put(one, bytes);
    await complete(one).expect(202);
  });

  test.each([
    ['another size', {}, 'x', '/size'],
    ['other bytes', { sha256: sha256('x'.repeat(9)) }, 'y'.repeat(9), '/sha256'],
  ])('%s is refused, and removed', async (_what, more, bytes, pointer) => {
    const one = await opened(told('x'.repeat(9), { contentType: 'text/csv', ...more }));
    await put(one, bytes);
    expect(await problem(complete(one))).toEqual([400, 'upload_differs', pointer]);
    expect([left(), api.started, api.store.records.size]).toEqual([[], [], 0]);
  });

  test('what is no picture, or half of one, under the name of one is refused, and removed', async () => {
    const bytes = await photo();
    for (const [sent, code] of [
      ['<html>'.repeat(10), 'content_type_mismatch'] as const,
      [bytes.subarray(0, -9), 'image_truncated'] as const,
    ]) {
      const one = await opened(told(sent));
      await put(one, sent);
      expect(await problem(complete(one))).toEqual([400, code, '/file']);
    }
    expect([left(), api.started, api.store.records.size]).toEqual([[], [], 0]);
  });

  test('an upload that is unknown, none at all, or of another tenant, is not found', async () => {
    const one = await opened(told('x'));
    expect(await problem(complete(one, keys.other))).toEqual([404, 'not_found']);
    for (const other of [`${one.id.slice(0, -4)}aaaa`, '..%2Fblobs']) {
      const links = { complete: one.links.complete.replace(one.id, other) };
      expect(await problem(complete({ links }))).toEqual([404, 'not_found']);
    }
  });

  test('is too late after twelve hours', async () => {
    const bytes = await photo();
    const one = await opened(told(bytes));
    await put(one, bytes);
    const later = Date.now() + 13 * 3_600_000;
    jest.spyOn(Date, 'now').mockReturnValue(later);
    expect(await problem(complete(one))).toEqual([410, 'presigned_expired']);
    expect(api.started).toEqual([]);
  });

  test('keeps what was uploaded when the job can not be started now', async () => {
    const bytes = await photo();
    const one = await opened(told(bytes));
    await put(one, bytes);
    const away = new AppError('temporal_unavailable', 'Away.', { retryable: true });
    api.jobs = { start: () => Promise.reject(away) };
    expect(await problem(complete(one))).toEqual([503, 'temporal_unavailable']);
    api.jobs = {};
    await complete(one).expect(202);
  });
});

describe('where files lie on a disk', () => {
  const disk = testApi();

  test('there are no signed addresses, and the answer says what to do', async () => {
    const refused = await disk.agent().post(path).send(told('x')).expect(409);
    expect(refused.body).toMatchObject({ code: 'presigned_unavailable', detail: expect.stringContaining('POST /v1/uploads') });
    const one = await opened(told('x'));
    expect(await problem(disk.agent().post(one.links.complete))).toEqual([409, 'presigned_unavailable']);
    expect(await problem(disk.agent().post(`${path}/none/complete`))).toEqual([404, 'not_found']);
  });
});
