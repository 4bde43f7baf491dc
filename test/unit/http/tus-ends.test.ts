import { createHash, randomBytes } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { afterEach, describe, expect, jest, test } from '@jest/globals';

import { AppError } from '../../../src/errors.ts';
import { jobOf, keys, testApi } from '../../support/api.ts';
import { eventually } from '../../support/eventually.ts';
import { picture } from '../../support/pictures.ts';
import { rawRequest } from '../../support/raw-request.ts';
import { metadataHeader, spoken, tusPath, tusRequests } from '../../support/tus.ts';
import { fileHandles } from '../storage/directory.ts';

const limit = 4_000_000;
const api = testApi({ maxUploadBytes: limit });
const { begin, begun, send, head, jobPath, hashOf, expectOnlyRecords } = tusRequests(api);
const sha256 = (bytes: Buffer | string) => createHash('sha256').update(bytes).digest('hex');

afterEach(() => {
  jest.restoreAllMocks();
});

describe('what would be refused in the end is refused at the beginning:', () => {
  const metadata = (pairs: Record<string, string>) => ({ 'Upload-Length': '5', 'Upload-Metadata': metadataHeader(pairs) });

  test.each<[string, Record<string, string>, number, string, string | undefined]>([
    ['a request that is no JSON', metadata({ request: '{' }), 400, 'malformed_json', '/request'],
    ['an unknown field', metadata({ request: '{"variant":[]}' }), 400, 'invalid_request', '/request/variant'],
    ['a preset that is not there', metadata({ request: '{"preset":"none"}' }), 400, 'preset_not_found', '/request/preset'],
    [
      'a start time in the past',
      metadata({ request: '{"options":{"startAt":"2020-01-01T00:00:00Z"}}' }),
      400,
      'start_in_past',
      '/request/options/startAt',
    ],
    ['no SHA-256', metadata({ sha256: 'abc' }), 400, 'invalid_request', '#header:Upload-Metadata'],
    ['no pairs', { 'Upload-Length': '5', 'Upload-Metadata': 'a,,b' }, 400, 'invalid_request', '#header:upload-metadata'],
    ['no length', {}, 400, 'invalid_request', '#header:Upload-Length'],
    ['two lengths', { 'Upload-Length': '5', 'Upload-Defer-Length': '1' }, 400, 'invalid_request', '#header:Upload-Length'],
    ['a negative length', { 'Upload-Length': '-5' }, 400, 'invalid_request', '#header:upload-length'],
    ['nothing', { 'Upload-Length': '0' }, 400, 'invalid_request', '/file'],
    ['too much', { 'Upload-Length': String(limit + 1) }, 413, 'payload_too_large', '/file'],
    ['parts of a whole', { 'Upload-Length': '5', 'Upload-Concat': 'partial' }, 400, 'invalid_request', '#header:Upload-Concat'],
    ['a key with a space', { 'Upload-Length': '5', 'Idempotency-Key': 'a b' }, 400, 'invalid_idempotency_key', '#header:Idempotency-Key'],
  ])('%s', async (_what, headers, status, code, pointer) => {
    const answer = await begin(headers);
    expect([answer.status, answer.body]).toEqual([status, expect.objectContaining({ code })]);
    expect((answer.body as { errors?: { pointer: string }[] }).errors?.[0]?.pointer).toBe(pointer);
    expect(answer.get('Content-Type')).toMatch(/^application\/problem\+json/);
    expect(await api.uploads.names()).toEqual([]);
  });

  test('more than its preset takes', async () => {
    await api.agent().put('/v1/upload-presets/small').send({ maxBytes: 4 }).expect(201);
    expect((await begin(metadata({ request: '{"preset":"small"}' })).expect(400)).body).toMatchObject({ code: 'file_not_accepted' });
  });

  test('more than the tenant has room for, together with what it has begun', async () => {
    api.limits.values.own.storedBytes = 100;
    await begun(60);
    expect((await begin({ 'Upload-Length': '60' }).expect(429)).body).toMatchObject({ code: 'limit_exceeded', limit: 'storedBytes' });
    await begun(40);
  });
});

describe('a complete upload', () => {
  const away = () => Promise.reject(new AppError('temporal_unavailable', 'Away.', { retryable: true, retryAfterSeconds: 2 }));

  test('whose job can not be started keeps its bytes, and whoever asks again starts it, once', async () => {
    api.jobs = { start: away };
    const at = await begun(5);
    const answer = await send(at, 0, 'hello').expect(503);
    expect([answer.body, answer.get('Retry-After')]).toMatchObject([{ code: 'temporal_unavailable' }, '2']);
    expect((await head(at)).status).toBe(503);
    api.jobs = {};
    expect((await send(at, 5, '').expect(204)).get('Handoff-Job')).toBe(jobPath());
    expect((await head(at).expect(200)).get('Handoff-Job')).toBe(jobPath());
    expect(new Set(api.started.map(({ jobId }) => jobId)).size).toBe(1);
    expect(hashOf(2)).toBe(sha256('hello'));
    await expectOnlyRecords();
  });

  test('that nobody asks for gets its job all the same', async () => {
    api.jobs = { start: away };
    const at = await begun(5);
    await send(at, 0, 'hello').expect(503);
    await expect(api.tidyUploads()).rejects.toMatchObject({ code: 'temporal_unavailable' });
    api.jobs = {};
    await api.tidyUploads();
    expect((await api.agent().get(at)).body).toMatchObject({ links: { job: jobPath() } });
    await api.tidyUploads();
    expect(api.started).toHaveLength(3);
  });

  test('that was sent with its beginning is there, whether or not its job could be started', async () => {
    api.jobs = { start: away };
    const answer = await begin({ 'Upload-Length': '5', 'Content-Type': 'application/offset+octet-stream' }).send(Buffer.from('hello'));
    expect([answer.status, answer.get('Upload-Offset'), answer.get('Handoff-Job')]).toEqual([201, '5', undefined]);
    api.jobs = {};
    expect((await head(answer.get('Location') ?? '')).get('Handoff-Job')).toBe(jobPath());
  });

  test('has the job of its Idempotency-Key', async () => {
    const key = { 'Idempotency-Key': 'photo-42' };
    const [one, two] = [await begun(5, {}, key), await begun(5, {}, key)];
    await send(one, 0, 'hello').expect(204);
    const { jobId, input } = api.started[0] ?? {};
    api.jobs = { earlier: () => Promise.resolve(jobOf(api.started[0] as never, { id: jobId ?? '' })) };
    expect((await send(two, 0, 'hello').expect(204)).get('Handoff-Job')).toBe(`/v1/jobs/${jobId ?? ''}`);
    expect([api.started.length, input]).toEqual([1, expect.anything()]);
  });

  test('whose start time has come meanwhile starts at once', async () => {
    const startAt = new Date(Date.now() + 3_600_000).toISOString();
    const at = await begun(5, { request: JSON.stringify({ options: { startAt } }) });
    jest.spyOn(Date, 'now').mockReturnValue(Date.now() + 7_200_000);
    expect((await send(at, 0, 'hello').expect(204)).get('Handoff-Job')).toBe(jobPath());
    expect(api.started[0]?.options).not.toHaveProperty('startAt');
  });

  test.each<[string, Record<string, string>, string, string]>([
    ['is not what it is declared to be', { filetype: 'image/png' }, 'no picture', 'content_type_mismatch'],
    ['has another SHA-256', { sha256: sha256('other') }, 'other bytes', 'digest_mismatch'],
  ])('that %s is refused, and nothing of it is kept but the reason', async (_what, metadata, content, code) => {
    const at = await begun(content.length, metadata);
    const answer = await send(at, 0, content).expect(400);
    expect(answer.body).toMatchObject({ code, errors: [expect.anything()] });
    expect((await api.agent().get(at).expect(400)).body).toMatchObject({ code, detail: (answer.body as { detail: string }).detail });
    expect([(await head(at)).status, (await send(at, content.length, '')).status]).toEqual([400, 400]);
    expect(api.refusedUploads).toEqual([{ id: at.split('/').at(-1), code }]);
    await expectOnlyRecords();
    expect([await api.store.count(), api.started]).toEqual([0, []]);
    await api.agent().delete(at).set(spoken).expect(204);
    expect(await api.uploads.names()).toEqual([]);
  });

  test('with the right SHA-256, in any case of letters, is taken', async () => {
    const at = await begun(5, { sha256: sha256('hello').toUpperCase() });
    expect((await send(at, 0, 'hello')).status).toBe(204);
  });

  test('with nothing in it, as it turns out, is refused', async () => {
    const answer = await begin({ 'Upload-Defer-Length': '1' }).expect(201);
    const at = answer.get('Location') ?? '';
    expect((await send(at, 0, '', { 'Upload-Length': '0' }).expect(400)).body).toMatchObject({ errors: [{ pointer: '/file' }] });
  });
});

describe('an upload whose first bytes prove what its preset does not take', () => {
  const table = Buffer.from('name,city\n'.repeat(20_000));
  const asked = { filename: 'a.csv', request: '{"preset":"pictures"}' };
  const pictures = () =>
    api
      .agent()
      .put('/v1/upload-presets/pictures')
      .send({ accept: ['image/*'] })
      .expect(201);
  const expectRefused = async (at: string, code = 'file_not_accepted') => {
    expect((await api.agent().get(at).expect(400)).body).toMatchObject({ code, errors: [{ pointer: '/file' }] });
    expect([(await head(at)).status, (await send(at, 0, table.subarray(0, 9))).status]).toEqual([400, 400]);
    expect([api.refusedUploads, api.started, await api.store.count()]).toEqual([[{ id: at.split('/').at(-1), code }], [], 0]);
    await expectOnlyRecords();
  };

  test('is refused before the rest is sent, which is thrown away, and nothing of it is kept but the reason', async () => {
    await pictures();
    const at = await begun(limit, asked);
    const common = { ...spoken, Host: 'localhost', Authorization: `Bearer ${keys.acme}` };
    const headOf = (method: string, headers: Record<string, string>) => {
      const fields = Object.entries({ ...common, ...headers }).map(([name, value]) => `${name}: ${value}`);
      return [`${method} ${at} HTTP/1.1`, ...fields, '', ''].join('\r\n');
    };
    const patch = headOf('PATCH', {
      'Content-Type': 'application/offset+octet-stream',
      'Content-Length': String(limit),
      'Upload-Offset': '0',
    });
    const first = Buffer.concat([Buffer.from(patch), table.subarray(0, 70_000)]);
    const rest = Buffer.concat([Buffer.alloc(limit - 70_000, 'a'), Buffer.from(headOf('GET', { Connection: 'close' }))]);
    const refused = () =>
      eventually(() => {
        expect(api.refusedUploads).toHaveLength(1);
      });
    const answers = await rawRequest(api.port, [first, rest], { between: refused });
    expect(answers.match(/HTTP\/1\.1 \d+|"code":"\w+"/g)).toEqual([
      ...['HTTP/1.1 400', '"code":"file_not_accepted"'],
      ...['HTTP/1.1 400', '"code":"file_not_accepted"'],
    ]);
    await expectRefused(at);
  });

  test('is refused by the piece that completes them', async () => {
    await pictures();
    const at = await begun(table.length, asked);
    await send(at, 0, table.subarray(0, 30_000)).expect(204);
    await send(at, 30_000, table.subarray(30_000, 60_000)).expect(204);
    expect((await send(at, 60_000, table.subarray(60_000, 90_000)).expect(400)).body).toMatchObject({ code: 'file_not_accepted' });
    await expectRefused(at);
  });

  test('is refused with its beginning, as is one that is no picture as declared', async () => {
    const headers = (metadata: Record<string, string>) => ({
      ...{ 'Upload-Length': '1000000', 'Upload-Metadata': metadataHeader(metadata), 'Content-Type': 'application/offset+octet-stream' },
    });
    await pictures();
    for (const [metadata, code] of [
      [asked, 'file_not_accepted'],
      [{ filetype: 'image/png' }, 'content_type_mismatch'],
    ] as const)
      expect((await begin(headers(metadata)).send(table).expect(400)).body).toMatchObject({ code });
    await expectOnlyRecords();
  });

  test('is refused at its end when nobody could tell before what the preset takes', async () => {
    await pictures();
    const at = await begun(table.length, asked);
    jest.spyOn(api.presets, 'find').mockRejectedValueOnce(new AppError('database_unavailable', 'Away.', { retryable: true }));
    await send(at, 0, table.subarray(0, 90_000)).expect(204);
    expect((await send(at, 90_000, table.subarray(90_000)).expect(400)).body).toMatchObject({ code: 'file_not_accepted' });
    await expectRefused(at);
  });

  test('is taken where they prove what it does take', async () => {
    await pictures();
    const noise = Buffer.concat([await picture(30, 20).png().toBuffer(), randomBytes(90_000)]);
    const at = await begun(noise.length, { ...asked, filename: 'a.png', filetype: 'image/png' });
    await send(at, 0, noise.subarray(0, 70_000)).expect(204);
    expect((await send(at, 70_000, noise.subarray(70_000)).expect(204)).get('Handoff-Job')).toBe(jobPath());
    expect(hashOf()).toBe(sha256(noise));
  });
});

test('a full disk is 507, keeps what was confirmed, and lets the upload go on once there is room', async () => {
  const bytes = randomBytes(3_500_000);
  const at = await begun(bytes.length);
  await send(at, 0, bytes.subarray(0, 1_000_000)).expect(204);
  const rest = () => send(at, 1_000_000, bytes.subarray(1_000_000));
  const handles = await fileHandles();
  const full = Object.assign(new Error('ENOSPC: no space left'), { code: 'ENOSPC' });
  const write = jest.spyOn(handles, 'writeFile').mockRejectedValueOnce(full);
  // Not even the right to write could be noted; or the bytes could not be made durable.
  expect((await rest().expect(507)).body).toMatchObject({ code: 'storage_full', retryable: true });
  write.mockRestore();
  // Or there is room for less than comes.
  // eslint-disable-next-line @typescript-eslint/unbound-method -- called with the handle below
  const { writeFile } = handles;
  const block = jest.spyOn(handles, 'writeFile').mockImplementation(function (this: FileHandle, data, options) {
    return typeof data !== 'string' && 'byteLength' in data && data.byteLength > 100_000
      ? Promise.reject(full)
      : writeFile.call(this, data, options);
  });
  expect((await rest().expect(507)).body).toMatchObject({ code: 'storage_full' });
  block.mockRestore();
  jest.spyOn(handles, 'datasync').mockRejectedValueOnce(full);
  expect((await rest().expect(507)).body).toMatchObject({ code: 'storage_full' });
  expect((await head(at)).get('Upload-Offset')).toBe('1000000');
  await rest().expect(204);
  expect(hashOf()).toBe(sha256(bytes));
  await expectOnlyRecords();
});

describe('an upload that is not finished in time', () => {
  const short = testApi({ uploadExpiryMs: 1 });

  test('is gone, and its bytes are removed', async () => {
    const answer = await short
      .agent()
      .post(tusPath)
      .set({ ...spoken, 'Upload-Length': '5' });
    const at = answer.get('Location') ?? '';
    expect(new Date(answer.get('Upload-Expires') ?? '').getTime()).toBeLessThanOrEqual(Date.now());
    expect((await short.agent().get(at).expect(410)).body).toMatchObject({ code: 'upload_expired' });
    expect((await short.agent().head(at).set(spoken)).status).toBe(410);
    await short.tidyUploads();
    expect((await short.agent().get(at)).status).toBe(404);
    expect(await short.uploads.names()).toEqual([]);
  });
});
