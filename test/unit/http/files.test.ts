import { once } from 'node:events';
import { get } from 'node:http';
import { Readable } from 'node:stream';
import { beforeEach, describe, expect, jest, test } from '@jest/globals';

import { AppError } from '../../../src/errors.ts';
import type { StoredFile } from '../../../src/jobs/files.ts';
import { alternativeIdFor, fileIdFor, newJobId } from '../../../src/jobs/ids.ts';
import { keys, testApi } from '../../support/api.ts';
import { eventually } from '../../support/eventually.ts';
import { chunks } from '../../support/file-store.ts';

const api = testApi();
const jobId = newJobId('upload', 'acme', 'k');
const content = '0123456789';

async function stored(changes: { id?: string; name?: string; contentType?: string } = {}, bytes = content): Promise<StoredFile> {
  const facts = { id: fileIdFor(jobId, 'x'), name: 'a.txt', contentType: 'text/plain', tenant: 'acme', jobId, ...changes };
  return (await api.store.files.stage(chunks(bytes))).commit(facts);
}

const contentOf = ({ id }: Pick<StoredFile, 'id'>) => `/v1/files/${id}/content`;

describe('GET of a file', () => {
  test('shows its metadata with links', async () => {
    const { id, sha256 } = await stored();
    expect((await api.agent().get(`/v1/files/${id}`)).body).toEqual({
      id,
      name: 'a.txt',
      ...{ downloads: 0, maxDownloads: null, lastDownloadedAt: null },
      ...{ state: 'ready', rejection: null, checks: null },
      contentType: 'text/plain',
      size: 10,
      sha256,
      jobId,
      createdAt: expect.stringMatching(/Z$/),
      links: { self: `/v1/files/${id}`, content: expect.stringMatching(/^[^?]+\/content\?expires=\d+&signature=[\w-]{43}$/) },
    });
  });

  test("is 404 for another tenant's, like for an unknown one", async () => {
    const { id } = await stored();
    for (const path of [`/v1/files/${id}`, `/v1/files/${id}/content`]) {
      const foreign = await api.agent(keys.other).get(path);
      const unknown = await api.agent().get(path.replace(id, fileIdFor(jobId, 'unknown')));
      expect([foreign.status, unknown.status]).toEqual([404, 404]);
      const told = ({ body }: { body: unknown }) => ({ ...(body as object), instance: '', requestId: '' });
      expect(told(foreign)).toEqual(told(unknown));
    }
  });
});

describe('its content', () => {
  let file: StoredFile;
  beforeEach(async () => {
    file = await stored();
  });

  test('comes whole, as a download that no browser runs', async () => {
    const response = await api.agent().get(contentOf(file));
    expect([response.status, response.text]).toEqual([200, content]);
    expect(response.headers).toMatchObject({
      'content-type': 'text/plain; charset=utf-8',
      'content-length': '10',
      'content-disposition': 'attachment; filename=a.txt',
      'x-content-type-options': 'nosniff',
      'content-security-policy': "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox",
      'accept-ranges': 'bytes',
      etag: `"${file.sha256}"`,
      'cache-control': expect.stringMatching(/^private,/),
    });
    expect(new Date(response.get('Last-Modified') ?? '').getTime()).not.toBeNaN();
  });

  test('is described by HEAD without a body', async () => {
    const response = await api.agent().head(contentOf(file));
    expect([response.status, response.get('Content-Length'), response.text]).toEqual([200, '10', undefined]);
    expect(response.get('ETag')).toBe(`"${file.sha256}"`);
  });

  test.each([
    ['bytes=0-3', '0123', 'bytes 0-3/10'],
    ['bytes=4-', '456789', 'bytes 4-9/10'],
    ['bytes=-3', '789', 'bytes 7-9/10'],
    ['bytes=0-0', '0', 'bytes 0-0/10'],
    ['bytes=8-999', '89', 'bytes 8-9/10'],
    ['bytes=-999', content, 'bytes 0-9/10'],
  ])('comes in part with Range: %s', async (range, part, told) => {
    const response = await api.agent().get(contentOf(file)).set('Range', range);
    expect([response.status, response.text, response.get('Content-Range')]).toEqual([206, part, told]);
    expect(response.get('Content-Length')).toBe(String(part.length));
  });

  test.each(['bytes=0-1,4-5', 'lines=1-2', 'bytes=x', 'bytes 0-3', 'bytes=', 'bytes=-', 'bytes=5-2'])(
    'comes whole with Range: %s',
    async (range) => {
      const response = await api.agent().get(contentOf(file)).set('Range', range);
      expect([response.status, response.text]).toEqual([200, content]);
    },
  );

  test.each(['bytes=10-', 'bytes=99-100', 'bytes=-0'])('is 416 with Range: %s, and that is not cached', async (range) => {
    const response = await api.agent().get(contentOf(file)).set('Range', range);
    expect(response.status).toBe(416);
    expect(response.get('Content-Range')).toBe('bytes */10');
    expect(response.body).toMatchObject({ code: 'range_not_satisfiable', status: 416 });
    for (const name of ['ETag', 'Content-Disposition']) expect(response.get(name)).toBeUndefined();
    expect(response.get('Cache-Control')).toBe('no-store');
  });

  test('comes in part with a matching If-Range, else whole', async () => {
    const ask = (ifRange: string) => api.agent().get(contentOf(file)).set({ Range: 'bytes=0-3', 'If-Range': ifRange });
    expect((await ask(`"${file.sha256}"`)).status).toBe(206);
    for (const stale of ['"other"', `W/"${file.sha256}"`, 'Thu, 01 Jan 1970 00:00:00 GMT']) {
      expect(await ask(stale)).toMatchObject({ status: 200, text: content });
    }
  });

  test('is 304 when the client has it', async () => {
    for (const tag of [`"${file.sha256}"`, `"x", "${file.sha256}"`, `W/"${file.sha256}"`, '*']) {
      const response = await api.agent().get(contentOf(file)).set('If-None-Match', tag);
      expect([response.status, response.text, response.get('ETag')]).toEqual([304, '', `"${file.sha256}"`]);
    }
    expect((await api.agent().get(contentOf(file)).set('If-None-Match', '"x"')).status).toBe(200);
    expect(
      (
        await api
          .agent()
          .get(contentOf(file))
          .set({ 'If-None-Match': `"${file.sha256}"`, Range: 'bytes=99-' })
      ).status,
    ).toBe(304);
  });
});

describe('the name of a download', () => {
  test.each([
    ['plain.txt', 'attachment; filename=plain.txt'],
    ['two words.txt', 'attachment; filename="two words.txt"'],
    ['quote".txt', 'attachment; filename="quote\\".txt"'],
    ['back\\slash.txt', 'attachment; filename="back\\\\slash.txt"'],
    ['a;filename=evil.exe', 'attachment; filename="a;filename=evil.exe"'],
    ['Grüße.txt', `attachment; filename="Gr??e.txt"; filename*=UTF-8''Gr%C3%BC%C3%9Fe.txt`],
    ['北京.txt', `attachment; filename="??.txt"; filename*=UTF-8''%E5%8C%97%E4%BA%AC.txt`],
    ['100%41.txt', `attachment; filename=100%41.txt; filename*=UTF-8''100%2541.txt`],
    ["it's.txt", "attachment; filename=it's.txt"],
  ])('%j is told as RFC 6266 and RFC 8187 want it', async (name, header) => {
    const response = await api.agent().get(contentOf(await stored({ name })));
    expect(response.status).toBe(200);
    expect(response.get('Content-Disposition')).toBe(header);
  });

  test.each(['🦌 & "x"\u2028.txt', '\u202egpj.exe', 'é'.normalize('NFD'), 'a'.repeat(255)])(
    '%j makes a header that can be sent',
    async (name) => {
      const response = await api.agent().get(contentOf(await stored({ name })));
      expect(response.status).toBe(200);
      expect(response.get('Content-Disposition')).toMatch(/^attachment; filename=[\x20-\x7e]+$/);
    },
  );

  test('does not decide the type: that is what we stored', async () => {
    const response = await api.agent().get(contentOf(await stored({ name: 'a.html', contentType: 'application/octet-stream' })));
    expect(response.get('Content-Type')).toBe('application/octet-stream');
  });
});

describe('trouble with the bytes', () => {
  test('before the first one is answered with a problem that nobody caches', async () => {
    const file = await stored();
    const failing = (error: Error) => {
      jest.spyOn(api.store.files, 'read').mockImplementation(
        () =>
          new Readable({
            read() {
              this.destroy(error);
            },
          }),
      );
      return api.agent().get(contentOf(file));
    };
    const gone = await failing(new AppError('file_not_found', 'The bytes of this file are not in the storage.'));
    expect([gone.status, (gone.body as { code: string }).code]).toEqual([404, 'not_found']);
    const away = await failing(new AppError('storage_unavailable', "The file storage can't be used: EIO.", { retryable: true }));
    expect([away.status, (away.body as { code: string }).code]).toEqual([503, 'storage_unavailable']);
    for (const response of [gone, away]) {
      for (const name of ['ETag', 'Content-Disposition', 'Last-Modified']) expect(response.get(name)).toBeUndefined();
      expect(response.get('Cache-Control')).toBe('no-store');
    }
    expect(api.unexpected).toEqual([]);
  });

  test('in the middle cuts the connection, so that nobody takes a part for the whole', async () => {
    const file = await stored();
    jest.spyOn(api.store.files, 'read').mockImplementation(() =>
      Readable.from(
        (async function* () {
          yield await Promise.resolve(Buffer.from('012'));
          throw new AppError('storage_unavailable', 'EIO');
        })(),
      ),
    );
    const print = jest.spyOn(console, 'error').mockImplementation(() => undefined);
    const outcome = await api
      .agent()
      .get(contentOf(file))
      .then(
        () => 'whole',
        (error: unknown) => (error as { code?: string }).code,
      );
    expect(outcome).toBe('ECONNRESET');
    expect(print).not.toHaveBeenCalled();
    print.mockRestore();
  });

  test("on the side of the client, who goes away, is nobody's fault", async () => {
    const file = await stored({}, 'x'.repeat(90_000));
    let closed = false;
    jest.spyOn(api.store.files, 'read').mockImplementation(() =>
      Readable.from(
        (async function* () {
          try {
            for (;;)
              yield await new Promise<Buffer>((resolve) =>
                setImmediate(() => {
                  resolve(Buffer.alloc(1_000));
                }),
              );
          } finally {
            closed = true;
          }
        })(),
      ),
    );
    const asked = get({ port: api.port, path: contentOf(file), headers: { Authorization: `Bearer ${keys.acme}` } });
    asked.on('error', () => undefined);
    const [response] = (await once(asked, 'response')) as [Readable];
    await once(response, 'data');
    asked.destroy();
    await eventually(() => {
      expect([api.answers.length, closed]).toEqual([1, true]);
    });
    expect(api.unexpected).toEqual([]);
  });
});

describe('a picture that lies there in several formats', () => {
  let file: StoredFile;
  const as = (format: string, bytes: string) =>
    stored({ contentType: `image/${format}`, name: `a.${format}`, id: alternativeIdFor(jobId, file.id, format) }, bytes);
  beforeEach(async () => {
    file = await stored({ contentType: 'image/jpeg', name: 'a.jpg' }, 'jpeg, the longest');
    await as('webp', 'webp, longer');
    await as('avif', 'avif');
  });

  test.each([
    ['image/avif,image/webp,image/apng,image/*,*/*;q=0.8', 'image/avif'],
    ['image/webp,*/*;q=0.5', 'image/webp'],
    ['image/avif;q=0.1,image/webp;q=0.9', 'image/webp'],
    ['image/avif;q=0, */*', 'image/jpeg'],
    ['image/png,image/*;q=0.2', 'image/jpeg'],
    ['*/*', 'image/jpeg'],
    ['image/jpeg,image/webp;q=0.5', 'image/jpeg'],
  ])('comes by its one URL as Accept prefers: %s gets %s', async (accept, contentType) => {
    const answer = await api.agent().get(contentOf(file)).set('Accept', accept).buffer(true);
    expect(answer.headers).toMatchObject({ 'content-type': contentType, vary: expect.stringContaining('Accept') });
    expect(Number(answer.headers['content-length'])).toBe({ 'image/avif': 4, 'image/webp': 12 }[contentType] ?? file.size);
  });

  test('is known again by what was given: the same ETag belongs to the same bytes', async () => {
    const first = await api.agent().get(contentOf(file)).set('Accept', 'image/webp');
    const again = await api
      .agent()
      .get(contentOf(file))
      .set({ Accept: 'image/webp', 'If-None-Match': String(first.headers['etag']) });
    const other = await api
      .agent()
      .get(contentOf(file))
      .set({ Accept: 'image/avif', 'If-None-Match': String(first.headers['etag']) });
    expect([again.status, other.status]).toEqual([304, 200]);
  });

  test('comes by a link, too, which counts as one to the file', async () => {
    await api.store.files.setTerms('acme', [file.id], { maxDownloads: 1 });
    const answer = await api.agent().get(`/v1/files/${file.id}`);
    const link = (answer.body as { links: { content: string } }).links.content;
    const shown = await api.anonymous().get(link).set('Accept', 'image/avif');
    expect([shown.status, shown.headers['content-type']]).toEqual([200, 'image/avif']);
    await eventually(async () => {
      expect((await api.store.files.find('acme', file.id))?.downloads).toBe(1);
    });
    expect((await api.anonymous().get(link).set('Accept', 'image/avif')).status).toBe(410);
  });

  test('that is no smaller in another format comes as it is', async () => {
    await as('png', 'png, longer than the longest');
    expect((await api.agent().get(contentOf(file)).set('Accept', 'image/png')).headers['content-type']).toBe('image/jpeg');
  });
});
