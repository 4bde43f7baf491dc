import { createHash } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';

import { aJob, jobOf, keys, testApi } from '../../support/api.ts';
import { eventually } from '../../support/eventually.ts';
import { picture } from '../../support/pictures.ts';
import { rawRequest } from '../../support/raw-request.ts';

const limit = 100_000;
const api = testApi({ maxUploadBytes: limit, edges: { refuseSecrets: 'names' } });
const put = (name: string, bytes: Buffer | string, headers: Record<string, string> = {}, query = '') =>
  api
    .agent()
    .put(`/v1/uploads/raw/${name}${query}`)
    .set({ 'Content-Type': 'application/octet-stream', ...headers })
    .send(Buffer.from(bytes));
const requested = (request: unknown) => `?request=${encodeURIComponent(typeof request === 'string' ? request : JSON.stringify(request))}`;
const inputOf = (index = 0) => api.started[index]?.input as Record<string, unknown>;

/** Also not as a temporary file, nor as a record. */
async function expectNothingKept(): Promise<void> {
  await eventually(async () => {
    expect(await api.store.count()).toBe(0);
  });
  expect([api.store.records.size, api.started]).toEqual([0, []]);
}

describe('PUT /v1/uploads/raw/{name}', () => {
  test('stores the body, and starts the job that was asked for', async () => {
    const bytes = await picture(30, 20).jpeg().toBuffer();
    const variants = [{ name: 'small', width: 10, format: 'png' }];
    const answer = await put('holiday%20photo.jpg', bytes, { 'Content-Type': 'image/jpeg' }, requested({ variants })).expect(202);
    expect(answer.get('Location')).toBe(`/v1/jobs/${api.started[0]?.jobId ?? ''}`);
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    expect(inputOf()).toMatchObject({
      file: { name: 'holiday photo.jpg', contentType: 'image/jpeg', size: bytes.length, sha256 },
      variants,
    });
  });

  test('takes a body whose length nobody told, and one of exactly the largest size', async () => {
    const head = `PUT /v1/uploads/raw/a.bin HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer ${keys.acme}\r\n`;
    expect(await rawRequest(api.port, [`${head}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n`])).toMatch(/^HTTP\/1\.1 202 /);
    await put('b.bin', Buffer.alloc(limit, 'x')).expect(202);
    expect(api.started.map(({ input }) => (input as { file: { size: number } }).file.size)).toEqual([5, limit]);
  });

  test.each([
    ['..%2F..%2Fetc%2Fpasswd', 'passwd'],
    ['C:%5CUsers%5Cada%5Ccat.jpg', 'cat.jpg'],
    ['a%01b%7f.txt', 'ab.txt'],
    ['%2e%2e%2f', 'upload'],
  ])('gives a plain name to %s', async (name, plain) => {
    await put(name, 'hello').expect(202);
    expect(inputOf()).toMatchObject({ file: { name: plain } });
  });

  test('waits for the end of the job if it is asked to', async () => {
    api.jobs = { get: (_tenant, id) => Promise.resolve(aJob({ id, status: 'completed', result: { file: {}, variants: [] } })) };
    const answer = await put('a.txt', 'hello', { Prefer: 'wait=5' });
    expect([answer.status, answer.get('Preference-Applied')]).toEqual([200, 'wait=5']);
  });

  test('is one job for one Idempotency-Key', async () => {
    const key = { 'Idempotency-Key': 'photo-42' };
    await put('a.txt', 'hello', key).expect(202);
    const [first] = api.started;
    api.jobs = { earlier: () => Promise.resolve(jobOf(first as never)) };
    const again = await put('a.txt', 'hello', key).expect(202);
    expect([again.get('Idempotency-Replayed'), api.started.length]).toEqual(['true', 1]);
  });
});

describe('a body is refused, and nothing is kept:', () => {
  test.each<[string, Buffer | string, Record<string, string>, string, number, string, string | undefined]>([
    ['one byte too large', Buffer.alloc(limit + 1), {}, '', 413, 'payload_too_large', '/file'],
    ['with nothing in it', '', {}, '', 400, 'invalid_request', '/file'],
    ['not what it is declared to be', 'no picture', { 'Content-Type': 'image/png' }, '', 400, 'content_type_mismatch', '/file'],
    ['packed', 'hello', { 'Content-Encoding': 'gzip' }, '', 415, 'unsupported_media_type', undefined],
    ['with a request that is no JSON', 'hello', {}, requested('{'), 400, 'malformed_json', '/request'],
    ['with an unknown field', 'hello', {}, requested({ variant: 1 }), 400, 'invalid_request', '/request/variant'],
    [
      'with a credential',
      'hello',
      {},
      requested({ options: { labels: { password: 'x' } } }),
      400,
      'secret_in_request',
      '/request/options/labels/password',
    ],
    ['with two requests', 'hello', {}, `${requested({})}&request={}`, 400, 'invalid_request', '#query:request'],
    ['with something else in the query', 'hello', {}, '?preset=avatar', 400, 'invalid_request', '#query'],
  ])('%s', async (_what, bytes, headers, query, status, code, pointer) => {
    const answer = await put('a.txt', bytes, headers, query);
    expect([answer.status, answer.body]).toEqual([status, expect.objectContaining({ code })]);
    expect((answer.body as { errors?: { pointer: string }[] }).errors?.[0]?.pointer).toBe(pointer);
    await expectNothingKept();
  });

  test('too large by what it says, before it is read', async () => {
    const head = `PUT /v1/uploads/raw/a.bin HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer ${keys.acme}\r\nContent-Length: 999999999\r\n\r\n`;
    expect(await rawRequest(api.port, [head])).toMatch(/^HTTP\/1\.1 413 /);
  });

  test('cut off', async () => {
    const head = `PUT /v1/uploads/raw/a.bin HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${keys.acme}\r\nContent-Length: 1000\r\n\r\n`;
    await rawRequest(api.port, [head, 'hello'], { thenCut: true });
    await expectNothingKept();
    expect(api.unexpected).toEqual([]);
  });

  test('larger than the room of its tenant', async () => {
    api.limits.values.own.storedBytes = 10;
    expect((await put('a.txt', 'hello world').expect(429)).body).toMatchObject({ code: 'limit_exceeded', limit: 'storedBytes' });
    await expectNothingKept();
  });
});

/** RFC 9530, appendix B: of `{"hello": "world"}` and a line feed. */
const hello = '{"hello": "world"}\n';
const sha256 = 'sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:';
const sha512 = 'sha-512=:YMAam51Jz/jOATT6/zvHrLVgOYTGFy1d6GJiOHTohq4yP+pgk4vf2aCsyRZOtw8MjkM7iw7yZ/WkppmM44T3qg==:';

describe.each(['Content-Digest', 'Repr-Digest'])('%s (RFC 9530)', (field) => {
  test.each([
    ['one', sha256],
    ['the other', sha512],
    ['both', `${sha512},\t${sha256};note=1`],
    ['one and some that are not known', `md5=:AAAA:, ${sha256}, id-sha-256=:AAAA:`],
  ])('lets pass what it fits: %s', async (_which, digest) => {
    const answer = await put('a.json', hello, { [field]: digest }).expect(202);
    expect(answer.headers).not.toHaveProperty('want-content-digest');
  });

  test('refuses other bytes', async () => {
    for (const digest of [sha256, sha512, `sha-256=:AAAA:, ${sha512}`]) {
      const answer = await put('a.json', '{"hello": "World"}\n', { [field]: digest }).expect(400);
      const name = digest.slice(0, 7);
      expect(answer.body).toMatchObject({ code: 'digest_mismatch' });
      expect((answer.body as { errors: object[] }).errors[0]).toEqual({
        pointer: `#header:${field}`,
        detail: `${name} is that of other bytes`,
      });
      await expectNothingKept();
    }
  });

  test('refuses what is none', async () => {
    for (const digest of ['x y', 'sha-256=RK/0', 'sha-256=:not base 64!:', 'sha-256', 'sha-256=(:AAAA:)', 'sha-256=:AAAA']) {
      const answer = await put('a.json', hello, { [field]: digest });
      expect([digest, answer.status, answer.body]).toEqual([digest, 400, expect.objectContaining({ code: 'invalid_request' })]);
      await expectNothingKept();
    }
  });

  test('with algorithms that are not known is ignored, and the answer says which ones are', async () => {
    const answer = await put('a.json', hello, { [field]: 'md5=:AAAA:' }).expect(202);
    expect(answer.get('Want-Content-Digest')).toBe('sha-256=10, sha-512=5');
  });

  test('is of the whole body of a multipart request, too', async () => {
    const body = `--b\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\nhello\r\n--b--\r\nepilogue`;
    const digest = (of: string) => `sha-256=:${createHash('sha256').update(of).digest('base64')}:`;
    const post = (value: string) =>
      api
        .agent()
        .post('/v1/uploads')
        .set({ 'Content-Type': 'multipart/form-data; boundary=b', [field]: value })
        .send(Buffer.from(body));
    expect((await post(digest('other')).expect(400)).body).toMatchObject({ code: 'digest_mismatch' });
    await expectNothingKept();
    await post(digest(body)).expect(202);
  });
});
