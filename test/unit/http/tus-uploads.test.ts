import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, describe, expect, jest, test } from '@jest/globals';
import { Upload } from 'tus-js-client';

import { AppError } from '../../../src/errors.ts';
import { jobOf, keys, testApi } from '../../support/api.ts';
import { eventually } from '../../support/eventually.ts';
import { metadataHeader, tusUpload } from '../../support/tus.ts';
import { fileHandles } from '../storage/directory.ts';

const limit = 4_000_000;
const api = testApi({ maxUploadBytes: limit });
const path = '/v1/uploads/tus';
const unknown = `${path}/tus_aaaaaaaaaaaaaaaaaaaaaaaaaa`;
const sha256 = (bytes: Buffer | string) => createHash('sha256').update(bytes).digest('hex');
const inputOf = (index = 0) => api.started[index]?.input as { file: { name: string; size: number; sha256: string; contentType: string } };
const jobPath = (index = 0) => `/v1/jobs/${api.started[index]?.jobId ?? ''}`;

const spoken = { 'Tus-Resumable': '1.0.0' };
const begin = (headers: Record<string, string>, key = keys.acme) =>
  api
    .agent(key)
    .post(path)
    .set({ ...spoken, ...headers });
const begun = async (length: number, metadata: Record<string, string> = {}, headers: Record<string, string> = {}) => {
  const described = Object.keys(metadata).length > 0 ? { 'Upload-Metadata': metadataHeader(metadata) } : {};
  const answer = await begin({ 'Upload-Length': String(length), ...described, ...headers });
  expect([answer.status, answer.body]).toEqual([201, {}]);
  return answer.get('Location') ?? '';
};
const send = (to: string, offset: number, bytes: Buffer | string, headers: Record<string, string> = {}, key = keys.acme) =>
  api
    .agent(key)
    .patch(to)
    .set({ ...spoken, 'Upload-Offset': String(offset), 'Content-Type': 'application/offset+octet-stream', ...headers })
    .send(Buffer.from(bytes));
const head = (of: string, key = keys.acme) => api.agent(key).head(of).set(spoken);

/** Nothing of any upload but what is remembered of it, and no temporary file. */
async function expectOnlyRecords(): Promise<void> {
  await eventually(async () => {
    expect((await api.uploads.names()).filter((name) => !name.endsWith('.json'))).toEqual([]);
  });
}

afterEach(() => {
  jest.restoreAllMocks();
});

describe('with tus-js-client a file arrives', () => {
  test.each([
    ['in one request', {}],
    ['in chunks', { chunkSize: 700_000 }],
    ['with its first bytes in the request that begins it', { uploadDataDuringCreation: true, chunkSize: 700_000 }],
    ['whole in the request that begins it', { uploadDataDuringCreation: true }],
    ['with a length that is told at the end', { uploadLengthDeferred: true, chunkSize: 700_000 }],
  ])('%s, and its job starts with the last byte', async (_how, options) => {
    const bytes = randomBytes(3_000_000);
    const { job } = await tusUpload(api.port, bytes, options);
    expect(api.started).toHaveLength(1);
    expect(job).toBe(jobPath());
    expect(inputOf().file).toMatchObject({ name: 'figures.bin', size: bytes.length, sha256: sha256(bytes) });
    await expectOnlyRecords();
    expect(await api.store.count()).toBe(1);
  });

  test('after it was paused, from where it was', async () => {
    const bytes = randomBytes(3_000_000);
    let upload: Upload | undefined;
    const paused = new Promise<void>((resolve) => {
      void tusUpload(
        api.port,
        bytes,
        {
          chunkSize: 500_000,
          onChunkComplete: (_chunk, sent) => {
            if (sent >= 1_000_000) void upload?.abort().then(resolve);
          },
        },
        (made) => (upload = made),
      );
    });
    await paused;
    const { job } = await tusUpload(api.port, bytes, { uploadUrl: upload?.url ?? '', chunkSize: 500_000 });
    expect([job, inputOf().file.sha256]).toEqual([jobPath(), sha256(bytes)]);
  });

  test('and is gone when the client gives it up', async () => {
    const gone = new Promise<void>((resolve, reject) => {
      let upload: Upload | undefined;
      void tusUpload(
        api.port,
        randomBytes(2_000_000),
        { chunkSize: 500_000, onChunkComplete: () => void upload?.abort(true).then(resolve, reject) },
        (made) => (upload = made),
      );
    });
    await gone;
    expect(await api.uploads.names()).toEqual([]);
    expect(api.started).toEqual([]);
  });
});

describe('what tus can do here', () => {
  test('is told without a key', async () => {
    for (const at of [path, unknown]) {
      const answer = await api.anonymous().options(at).expect(204);
      expect(answer.headers).toMatchObject({
        'tus-version': '1.0.0',
        'tus-resumable': '1.0.0',
        'tus-max-size': String(limit),
        'tus-extension': 'creation,creation-with-upload,creation-defer-length,termination,expiration',
      });
      expect(Object.keys(answer.headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
    }
  });

  test('is version 1.0.0, and no other', async () => {
    for (const version of ['', '0.2.2', '2.0.0']) {
      const headers = { 'Upload-Length': '5', ...(version && { 'Tus-Resumable': version }) };
      const answer = await api.agent().post(path).set(headers).expect(412);
      expect(answer.body).toMatchObject({ code: 'tus_version_unsupported' });
      expect(answer.headers).toMatchObject({ 'tus-version': '1.0.0', 'tus-resumable': '1.0.0' });
    }
  });
});

describe('an upload', () => {
  test('says how far it is, in headers and as JSON', async () => {
    const at = await begun(10, { filename: 'a.txt' });
    const sent = await send(at, 0, 'hello').expect(204);
    expect(sent.headers).toMatchObject({ 'upload-offset': '5', 'tus-resumable': '1.0.0', 'upload-expires': expect.any(String) });
    const asked = await head(at).expect(200);
    expect(asked.headers).toMatchObject({
      ...{ 'upload-offset': '5', 'upload-length': '10', 'cache-control': 'no-store' },
      'upload-metadata': metadataHeader({ filename: 'a.txt' }),
    });
    expect(asked.headers).not.toHaveProperty('handoff-job');
    const id = at.split('/').at(-1);
    expect((await api.agent().get(at).expect(200)).body).toMatchObject({ id, offset: 5, length: 10, jobId: null, links: { self: at } });
    expect((await send(at, 5, 'world').expect(204)).get('Handoff-Job')).toBe(jobPath());
    expect((await head(at).expect(200)).headers).toMatchObject({ 'upload-offset': '10', 'handoff-job': jobPath() });
    expect((await api.agent().get(at).expect(200)).body).toMatchObject({ offset: 10, links: { job: jobPath() } });
  });

  test('goes on only where it is', async () => {
    const at = await begun(10);
    await send(at, 0, 'hello').expect(204);
    for (const offset of [0, 4, 6, 10])
      expect((await send(at, offset, 'world').expect(409)).body).toMatchObject({ code: 'upload_offset_mismatch' });
    expect((await head(at)).get('Upload-Offset')).toBe('5');
    await send(at, 5, 'world').expect(204);
    expect(inputOf().file.sha256).toBe(sha256('helloworld'));
  });

  test('takes no byte behind its length', async () => {
    const at = await begun(5);
    expect((await send(at, 0, 'hello!').expect(413)).body).toMatchObject({ code: 'payload_too_large' });
    await send(at, 0, 'hello').expect(204);
    expect((await send(at, 5, '!').expect(413)).body).toMatchObject({ code: 'payload_too_large' });
    expect(api.started).toHaveLength(1);
  });

  test('that two send to at once is written by one after the other', async () => {
    const bytes = randomBytes(1_000_000);
    const at = await begun(bytes.length);
    const lost = connect(api.port, '127.0.0.1');
    let answer = '';
    lost.setEncoding('latin1').on('data', (text: string) => (answer += text));
    lost.write(
      `PATCH ${at} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${keys.acme}\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: 0\r\n` +
        `Content-Type: application/offset+octet-stream\r\nContent-Length: ${String(bytes.length)}\r\n\r\n`,
    );
    lost.write(bytes.subarray(0, 300_000));
    await eventually(async () => {
      expect((await api.uploads.names()).some((name) => name.endsWith('.claim'))).toBe(true);
    });
    // It has never been told that the connection is lost; another one takes over, and nothing of what came is lost.
    const { job } = await tusUpload(api.port, bytes, { uploadUrl: `http://127.0.0.1:${String(api.port)}${at}` });
    expect([job, inputOf().file.sha256]).toEqual([jobPath(), sha256(bytes)]);
    await eventually(() => {
      expect(answer).toMatch(/^HTTP\/1\.1 204 /);
    });
    lost.destroy();
    await once(lost, 'close');
    expect(api.started).toHaveLength(1);
    await expectOnlyRecords();
  });

  test('of another tenant, and one that is not there, are the same', async () => {
    const at = await begun(10);
    for (const [key, of] of [
      [keys.other, at],
      [keys.acme, unknown],
    ] as const) {
      expect((await head(of, key)).status).toBe(404);
      expect((await api.agent(key).get(of)).body).toMatchObject({ code: 'not_found' });
      expect((await send(of, 0, 'hello', {}, key)).body).toMatchObject({ code: 'not_found' });
      expect((await api.agent(key).delete(of).set(spoken)).body).toMatchObject({ code: 'not_found' });
    }
    expect((await head(at)).get('Upload-Offset')).toBe('0');
  });

  test('that is removed is gone', async () => {
    const at = await begun(10);
    await send(at, 0, 'hello').expect(204);
    await api.agent().delete(at).set(spoken).expect(204);
    expect([(await head(at)).status, await api.uploads.names()]).toEqual([404, []]);
  });
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
    ['too much', { 'Upload-Length': String(limit + 1) }, 413, 'payload_too_large', undefined],
    ['parts of a whole', { 'Upload-Length': '5', 'Upload-Concat': 'partial' }, 400, 'invalid_request', '#header:Upload-Concat'],
    ['a key with a space', { 'Upload-Length': '5', 'Idempotency-Key': 'a b' }, 400, 'invalid_idempotency_key', '#header:Idempotency-Key'],
  ])('%s', async (_what, headers, status, code, pointer) => {
    const answer = await begin(headers);
    expect([answer.status, answer.body]).toEqual([status, expect.objectContaining({ code })]);
    if (pointer !== undefined) expect(answer.body).toMatchObject({ errors: [{ pointer }] });
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
    expect(inputOf(2).file.sha256).toBe(sha256('hello'));
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
    await send(at, 0, 'hello').expect(204);
  });

  test('with nothing in it, as it turns out, is refused', async () => {
    const answer = await begin({ 'Upload-Defer-Length': '1' }).expect(201);
    const at = answer.get('Location') ?? '';
    expect((await send(at, 0, '', { 'Upload-Length': '0' }).expect(400)).body).toMatchObject({ errors: [{ pointer: '/file' }] });
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
  jest.spyOn(handles, 'datasync').mockRejectedValueOnce(full);
  expect((await rest().expect(507)).body).toMatchObject({ code: 'storage_full' });
  expect((await head(at)).get('Upload-Offset')).toBe('1000000');
  await rest().expect(204);
  expect(inputOf().file.sha256).toBe(sha256(bytes));
  await expectOnlyRecords();
});

describe('an upload that is not finished in time', () => {
  const short = testApi({ uploadExpiryMs: 1 });

  test('is gone, and its bytes are removed', async () => {
    const answer = await short
      .agent()
      .post(path)
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
