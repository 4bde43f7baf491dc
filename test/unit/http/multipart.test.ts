import { describe, expect, jest, test } from '@jest/globals';
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { text } from 'node:stream/consumers';

import { AppError } from '../../../src/errors.ts';
import { eventually } from '../../support/eventually.ts';
import { jobOf, keys, testApi } from '../../support/api.ts';
import { picture } from '../../support/pictures.ts';
import { rawRequest } from '../../support/raw-request.ts';

const limit = 100_000;
const api = testApi({ maxUploadBytes: limit });
const boundary = 'XbX';

interface Part {
  headers: string[];
  body: string | Uint8Array;
}

const filePart = (body: string | Uint8Array = 'hello', parameters = 'filename="a.txt"', type = 'text/plain'): Part => ({
  headers: [`Content-Disposition: form-data; name="file"; ${parameters}`, `Content-Type: ${type}`],
  body,
});
const requestPart = (body: string): Part => ({ headers: ['Content-Disposition: form-data; name="request"'], body });
const jsonPart = (body: string): Part => ({
  headers: ['Content-Disposition: form-data; name="request"; filename="blob"', 'Content-Type: application/json'],
  body,
});

function multipart(parts: Part[], { end = `--${boundary}--\r\n` } = {}): Buffer {
  const pieces = parts.flatMap(({ headers, body }) => [`--${boundary}\r\n${headers.join('\r\n')}\r\n\r\n`, body, '\r\n']);
  return Buffer.concat([...pieces, end].map((piece) => Buffer.from(piece)));
}

const head = (more: string) =>
  `POST /v1/uploads HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer ${keys.acme}\r\nContent-Type: multipart/form-data; boundary=${boundary}\r\n${more}\r\n\r\n`;

function post(body: Uint8Array, type = `multipart/form-data; boundary=${boundary}`) {
  return api.agent().post('/v1/uploads').set('Content-Type', type).send(Buffer.from(body));
}

/** Also not as a temporary file, nor as a record. */
async function expectNothingKept(): Promise<void> {
  await eventually(async () => {
    expect(await api.store.count()).toBe(0);
  });
  expect(api.store.records.size).toBe(0);
  expect(api.started).toEqual([]);
}

const variants = '{"variants":[{"name":"small","width":10,"format":"png"}]}';

describe('an upload is taken', () => {
  test.each([
    ['with the file before the request', [filePart(), requestPart(variants)]],
    ['with the request before the file', [requestPart(variants), filePart()]],
    ['with the request as a file of type application/json', [filePart(), jsonPart(variants)]],
    ['with that one first', [jsonPart(variants), filePart()]],
  ])('%s', async (_how, parts) => {
    expect((await post(multipart(parts))).status).toBe(202);
    expect(api.started).toMatchObject([{ input: { file: { name: 'a.txt', size: 5 }, variants: [{ name: 'small', width: 10 }] } }]);
    const [record] = api.store.records.values();
    expect(await text(api.store.files.read({ sha256: record?.sha256 ?? '' }))).toBe('hello');
    expect(await api.store.count()).toBe(1);
  });

  test('with an empty request, or none', async () => {
    expect((await post(multipart([filePart(), requestPart('{}')]))).status).toBe(202);
    expect((await post(multipart([filePart()]))).status).toBe(202);
    expect(api.started[0]?.input).toMatchObject({ variants: [{ name: 'thumb' }, { name: 'medium' }, { name: 'large' }] });
  });

  test('of exactly the largest size', async () => {
    expect((await post(multipart([filePart('x'.repeat(limit))]))).status).toBe(202);
  });

  test('with bytes that look like a boundary', async () => {
    const bytes = Buffer.from(`\r\n--${boundary.slice(0, 2)}\r\n--\r\n\0\xff`, 'latin1');
    await post(multipart([filePart(bytes, 'filename="a.bin"', 'application/octet-stream')]));
    const [record] = api.store.records.values();
    expect(record?.size).toBe(bytes.length);
  });

  test.each([
    ['filename="../../etc/passwd"', 'passwd'],
    ['filename="C:\\\\Users\\\\ada\\\\cat.jpg"', 'cat.jpg'],
    ['filename="/abs/olute.txt"', 'olute.txt'],
    ['filename=".."', 'upload'],
    ['filename="a\u0001b\u007f.txt"', 'ab.txt'],
    ['filename="Grüße 🦌.txt"', 'Grüße 🦌.txt'],
    ['filename="x"; filename*=UTF-8\'\'%e5%8c%97.txt', 'x'],
    [`filename="${'a'.repeat(300)}.txt"`, `${'a'.repeat(251)}.txt`],
  ])('under a plain name for %s', async (parameters, name) => {
    expect((await post(multipart([filePart('hello', parameters)]))).status).toBe(202);
    expect(api.started[0]?.input).toMatchObject({ file: { name } });
  });

  test('from a client that names no type: the bytes tell it', async () => {
    const png = await picture(8, 8).png().toBuffer();
    await post(multipart([{ headers: ['Content-Disposition: form-data; name="file"; filename="x"'], body: png }]));
    expect(api.started[0]?.input).toMatchObject({ file: { contentType: 'image/png' } });
  });
});

describe('an upload is refused, and nothing is kept:', () => {
  test.each<[string, Part[], string, string | undefined]>([
    ['without a file', [requestPart('{}')], 'invalid_request', '/file'],
    ['with two files', [filePart('one'), filePart('two')], 'invalid_request', '/file'],
    ['with two large files', [filePart('x'.repeat(90_000)), filePart('y'.repeat(90_000))], 'invalid_request', '/file'],
    ['with two requests', [requestPart('{}'), filePart(), requestPart('{}')], 'invalid_request', '/request'],
    [
      'with an unknown field',
      [filePart(), { headers: ['Content-Disposition: form-data; name="note"'], body: 'x' }],
      'invalid_request',
      '/note',
    ],
    [
      'with an unknown file',
      [filePart(), { headers: ['Content-Disposition: form-data; name="other"; filename="b"'], body: 'x' }],
      'invalid_request',
      '/other',
    ],
    [
      'with a part whose name must be escaped in a pointer',
      [{ headers: ['Content-Disposition: form-data; name="a/b~c"'], body: 'x' }],
      'invalid_request',
      '/a~1b~0c',
    ],
    [
      'with the file as a plain field',
      [{ headers: ['Content-Disposition: form-data; name="file"'], body: 'hello' }],
      'invalid_request',
      '/file',
    ],
    ['with a request that is no JSON', [filePart(), requestPart('{variants}')], 'malformed_json', '/request'],
    ['with a request that is no JSON, before the file', [requestPart('{'), filePart()], 'malformed_json', '/request'],
    ['with a request file that is no JSON', [filePart(), jsonPart('{')], 'malformed_json', '/request'],
    ['with a request that is a list', [filePart(), requestPart('[]')], 'invalid_request', undefined],
    ['with an unknown field in the request', [filePart(), requestPart('{"callback":"http://x"}')], 'invalid_request', '/request/callback'],
    [
      'with an invalid variant',
      [filePart(), requestPart('{"variants":[{"name":"a","width":0,"format":"png"}]}')],
      'invalid_request',
      '/request/variants/0/width',
    ],
    ['with a request over 64 KiB', [filePart(), requestPart(`{"a":"${'x'.repeat(70_000)}"}`)], 'invalid_request', '/request'],
    ['with a request file over 64 KiB', [filePart(), jsonPart(`{"a":"${'x'.repeat(70_000)}"}`)], 'invalid_request', '/request'],
    ['with an empty file', [filePart('')], 'invalid_request', '/file'],
    ['with a picture that is none', [filePart('hello', 'filename="a.png"', 'image/png')], 'content_type_mismatch', '/file'],
    ['with very many parts', Array.from({ length: 50 }, (_, i) => requestPart(String(i))), 'invalid_request', '/request'],
    ['without any part', [], 'invalid_request', '/file'],
  ])('%s', async (_what, parts, code, pointer) => {
    const response = await post(multipart(parts));
    expect(response.status).toBe(400);
    expect(response.body).toMatchObject({ code, ...(pointer !== undefined && { errors: [{ pointer }] }) });
    await expectNothingKept();
  });

  test('with a picture that is cut off', async () => {
    const png = await picture(64, 64).png().toBuffer();
    const response = await post(multipart([filePart(png.subarray(0, -5), 'filename="a.png"', 'image/png')]));
    expect([response.status, (response.body as { code: string }).code]).toEqual([400, 'image_truncated']);
    await expectNothingKept();
  });

  test.each([
    ['its last boundary', multipart([filePart()], { end: '' })],
    ['a part of the last boundary', multipart([filePart()]).subarray(0, -6)],
    ['the rest of the file', multipart([filePart('x'.repeat(50_000))]).subarray(0, 20_000)],
    [
      'everything behind the headers of the file',
      Buffer.from(`--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n`),
    ],
    ['everything', Buffer.from('')],
  ])('without %s', async (_what, body) => {
    const response = await post(body);
    expect(response.status).toBe(400);
    expect(response.body).toMatchObject({ code: 'malformed_multipart' });
    await expectNothingKept();
  });

  test.each(['multipart/form-data', 'multipart/form-data; boundary='])('without a boundary: %s', async (type) => {
    const response = await post(multipart([filePart()]), type);
    expect([response.status, (response.body as { code: string }).code]).toEqual([400, 'malformed_multipart']);
    await expectNothingKept();
  });

  test.each(['application/json', 'text/plain', 'multipart/mixed; boundary=XbX', 'application/octet-stream'])('as %s', async (type) => {
    const response = await post(multipart([filePart()]), type);
    expect([response.status, (response.body as { code: string }).code]).toEqual([415, 'unsupported_media_type']);
    await expectNothingKept();
  });

  test.each([
    ['a little', limit + 1],
    ['a lot', limit * 30],
  ])('over the limit by %s, and the client can read the answer', async (_by, size) => {
    const response = await post(multipart([filePart('x'.repeat(size))]));
    expect(response.status).toBe(413);
    expect(response.body).toMatchObject({
      code: 'payload_too_large',
      errors: [{ pointer: '/file', detail: `is larger than ${String(limit)} bytes` }],
    });
    await expectNothingKept();
  });

  test('over the limit without Content-Length, also for a client that reads only after it has sent all', async () => {
    const headers = { Authorization: `Bearer ${keys.acme}`, 'Content-Type': `multipart/form-data; boundary=${boundary}` };
    const asked = request({ port: api.port, method: 'POST', path: '/v1/uploads', headers });
    asked.write(multipart([filePart('x'.repeat(limit * 300))]));
    const answered = once(asked, 'response') as Promise<[IncomingMessage]>;
    await Promise.all([new Promise<void>((resolve) => asked.end(resolve)), answered]);
    const [response] = await answered;
    expect(response.statusCode).toBe(413);
    expect(await text(response)).toContain('"code":"payload_too_large"');
    await expectNothingKept();
  });

  test.each<[string, Buffer, string]>([
    ['another file', multipart([filePart('two')]), '"pointer":"/file"'],
    ['a request that is no JSON', multipart([requestPart('{')]), '"code":"malformed_json"'],
    ['an unknown part', multipart([{ headers: ['Content-Disposition: form-data; name="note"'], body: 'x' }]), '"pointer":"/note"'],
    ['a request, but no last boundary', multipart([requestPart('{}')], { end: '' }), '"code":"malformed_multipart"'],
  ])('with a whole file, and then %s', async (_what, rest, said) => {
    const stage = jest.spyOn(api.store.files, 'stage');
    // The next boundary ends the file; what comes after it is sent once the file has been staged.
    const first = Buffer.concat([multipart([filePart('one')], { end: '' }), Buffer.from(`--${boundary}\r\n`)]);
    const second = rest.subarray(`--${boundary}\r\n`.length);
    const untilStaged = async () => {
      await eventually(() => {
        expect(stage).toHaveBeenCalledTimes(1);
      });
      await stage.mock.results[0]?.value;
    };
    const headers = head(`Content-Length: ${String(first.length + second.length)}`);
    const answer = await rawRequest(api.port, [`${headers}${first.toString()}`, second], { between: untilStaged });
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(answer).toContain(said);
    await expectNothingKept();
  });

  test('with a connection that is cut in the middle', async () => {
    const body = multipart([filePart('x'.repeat(90_000))]);
    const sent = Buffer.concat([Buffer.from(head(`Content-Length: ${String(body.length)}`)), body.subarray(0, 60_000)]);
    await rawRequest(api.port, [sent], { thenCut: true });
    await eventually(() => {
      expect(api.answers).toHaveLength(1);
    });
    await expectNothingKept();
    expect(api.unexpected).toEqual([]);
  });
});

describe('an upload that is stored, but not started,', () => {
  test('keeps its file while Temporal is away, since the start may have been stored', async () => {
    api.jobs = { start: () => Promise.reject(new AppError('temporal_unavailable', 'away', { retryable: true, retryAfterSeconds: 5 })) };
    expect((await post(multipart([filePart()]))).status).toBe(503);
    expect(await api.store.count()).toBe(1);
  });
});

describe('an upload under a key that is taken', () => {
  const keyed = () => post(multipart([filePart()])).set('Idempotency-Key', 'once');

  test('by another request is refused before its file is stored', async () => {
    api.jobs = { earlier: () => Promise.reject(new AppError('idempotency_key_reused', 'used')) };
    expect((await keyed()).status).toBe(422);
    await expectNothingKept();
  });

  test('by the same request is answered with the first job', async () => {
    expect((await keyed()).status).toBe(202);
    const [first] = api.started;
    if (first === undefined) throw new Error('Nothing was started');
    api.jobs = { earlier: () => Promise.resolve(jobOf(first, { status: 'completed' })) };
    const again = await keyed();
    expect(again.body).toMatchObject({ id: first.jobId, status: 'completed' });
    expect(again.headers).toMatchObject({ 'idempotency-replayed': 'true' });
    expect(api.started).toHaveLength(1);
  });
});

test('while Temporal is known to be away an upload is refused before it is received', async () => {
  api.jobs = {
    assertReachable: () => {
      throw new AppError('temporal_unavailable', 'away', { retryable: true, retryAfterSeconds: 5 });
    },
  };
  const answer = await post(multipart([filePart()]));
  expect(answer.status).toBe(503);
  expect(answer.headers['retry-after']).toBe('5');
  await expectNothingKept();
});
