import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, expect, test } from '@jest/globals';
import type { Upload } from 'tus-js-client';

import { keys, testApi } from '../../support/api.ts';
import { eventually } from '../../support/eventually.ts';
import { metadataHeader, spoken, tusPath, tusRequests, tusUpload } from '../../support/tus.ts';

const limit = 4_000_000;
const api = testApi({ maxUploadBytes: limit });
const { begun, send, head, jobPath, hashOf, expectOnlyRecords } = tusRequests(api);
const sha256 = (bytes: Buffer | string) => createHash('sha256').update(bytes).digest('hex');
const unknown = `${tusPath}/tus_aaaaaaaaaaaaaaaaaaaaaaaaaa`;

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
    expect(api.started[0]?.input).toMatchObject({ file: { name: 'figures.bin', size: bytes.length, sha256: sha256(bytes) } });
    await expectOnlyRecords();
    expect(await api.store.count()).toBe(1);
  });

  test('after it was paused, from where it was', async () => {
    const bytes = randomBytes(3_000_000);
    let upload: Upload | undefined;
    const paused = new Promise<void>((resolve, reject) => {
      tusUpload(
        api.port,
        bytes,
        {
          chunkSize: 500_000,
          onChunkComplete: (_chunk, sent) => {
            if (sent >= 1_000_000) upload?.abort().then(resolve, reject);
          },
        },
        (made) => (upload = made),
      ).catch(reject);
    });
    await paused;
    const { job } = await tusUpload(api.port, bytes, { uploadUrl: upload?.url ?? '', chunkSize: 500_000 });
    expect([job, hashOf()]).toEqual([jobPath(), sha256(bytes)]);
  });

  test('and is gone when the client gives it up', async () => {
    const gone = new Promise<void>((resolve, reject) => {
      let upload: Upload | undefined;
      tusUpload(
        api.port,
        randomBytes(2_000_000),
        {
          chunkSize: 500_000,
          onChunkComplete: () => {
            upload?.abort(true).then(resolve, reject);
          },
        },
        (made) => (upload = made),
      ).catch(reject);
    });
    await gone;
    expect(await api.uploads.names()).toEqual([]);
    expect(api.started).toEqual([]);
  });
});

describe('what tus can do here', () => {
  test('is told without a key', async () => {
    for (const at of [tusPath, unknown]) {
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
      const answer = await api.agent().post(tusPath).set(headers).expect(412);
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
    expect(hashOf()).toBe(sha256('helloworld'));
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
    expect([job, hashOf()]).toEqual([jobPath(), sha256(bytes)]);
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
