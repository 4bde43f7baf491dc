import { describe, expect, test } from '@jest/globals';

import { AppError } from '../../../src/errors.ts';
import { fileIdFor, newJobId } from '../../../src/jobs/ids.ts';
import { createLog } from '../../../src/log.ts';
import { aJob, testApi } from '../../support/api.ts';
import { chunks } from '../../support/file-store.ts';
import { rawRequest } from '../../support/raw-request.ts';

const api = testApi();
const email = { to: ['ada@example.com'], subject: 'Hello', text: 'Hi' };
const jobId = newJobId('upload', 'acme', 'k');

async function stored(name: string, contentType: string, bytes: string) {
  const facts = { id: fileIdFor(jobId, name), name, contentType, tenant: 'acme', jobId };
  return (await api.store.files.stage(chunks(bytes))).commit(facts);
}

describe('the Host header, and those that proxies make of it', () => {
  const proxied = testApi({ edges: { trustProxy: 1 } });
  const lies = {
    Host: 'evil.example',
    'X-Forwarded-Host': 'evil.example',
    'X-Forwarded-Server': 'evil.example',
    'X-Original-URL': '/v1/evil',
    'X-Rewrite-URL': '/v1/evil',
    Forwarded: 'host=evil.example;proto=https',
    'X-Forwarded-Prefix': '/evil',
  };

  test.each([
    ['nobody is trusted', api],
    ['a proxy is trusted', proxied],
  ])('are in no link, whatever they say: %s', async (_what, one) => {
    const { id } = aJob({});
    one.jobs.get = () => Promise.resolve(aJob({ id }));
    one.jobs.list = () => Promise.resolve({ items: [], nextCursor: 'next' });
    const agent = () => one.agent();
    const answers = [
      await agent().post('/v1/emails').set(lies).send(email),
      await agent().get(`/v1/jobs/${id}`).set(lies),
      await agent().get('/v1/jobs').set(lies),
      await agent().get('/v1/nothing').set(lies),
      await agent().get('/docs').set(lies),
      await agent().get('/docs/').set(lies),
      await agent().get('/openapi.json').set(lies),
    ];
    expect(answers.map(({ status }) => status)).toEqual([202, 200, 200, 404, 200, 200, 200]);
    for (const { headers, text } of answers) expect(JSON.stringify(headers) + text).not.toContain('evil');
    expect(answers[0]?.get('Location')).toMatch(/^\/v1\/jobs\/email_/);
    expect(answers[2]?.get('Link')).toMatch(/^<\/v1\/jobs\?/);
  });

  test('do not bring a request from elsewhere to the development key', async () => {
    for (const one of [api, proxied]) {
      const key = 'hk_local_0123456789';
      one.keys.add(key, { localOnly: true });
      const answer = await one.agent(key).get('/v1/jobs');
      expect(answer.status).toBe(200);
      for (const header of ['X-Forwarded-For', 'X-Real-IP', 'Forwarded', 'Via']) {
        const through = await one.agent(key).get('/v1/jobs').set(header, '127.0.0.1');
        expect(through.status).toBe(401);
      }
    }
  });
});

describe('the address of a caller', () => {
  const seen: (string | undefined)[] = [];
  const cases = [
    [undefined, '127.0.0.1'],
    [1, '203.0.113.9'],
    [2, '198.51.100.7'],
    [['127.0.0.0/8'], '203.0.113.9'],
    [['10.0.0.0/8'], '127.0.0.1'],
    [['127.0.0.0/8', '203.0.113.0/24'], '198.51.100.7'],
  ] as const;

  describe.each(cases)('with %j trusted', (trustProxy, address) => {
    const one = testApi({ edges: { trustProxy: trustProxy as number | string[] | undefined } });
    test(`is ${address}`, async () => {
      seen.length = 0;
      one.app.use((request, _response, next) => {
        seen.push(request.ip);
        next();
      });
      const router = one.app.router as unknown as { stack: unknown[] };
      router.stack.unshift(router.stack.pop());
      await one.anonymous().get('/livez').set('X-Forwarded-For', '6.6.6.6, 198.51.100.7, 203.0.113.9');
      expect(seen).toEqual([address]);
    });
  });
});

describe('Strict-Transport-Security', () => {
  const proxied = testApi({ edges: { trustProxy: 1 } });

  test('binds browsers to TLS only where TLS is: from a proxy that is trusted, and not because somebody says so', async () => {
    const secure = async (one: typeof api) =>
      (await one.agent().get('/livez').set('X-Forwarded-Proto', 'https')).get('Strict-Transport-Security');
    expect(await secure(api)).toBeUndefined();
    expect(await secure(proxied)).toBe('max-age=31536000; includeSubDomains');
    expect((await proxied.agent().get('/livez')).get('Strict-Transport-Security')).toBeUndefined();
  });
});

describe('headers that protect', () => {
  test('are in every answer', async () => {
    const answers = [
      await api.agent().get('/v1/jobs'),
      await api.anonymous().get('/v1/jobs'),
      await api.agent().get('/x'),
      await api.agent().get('/livez'),
    ];
    for (const { headers } of answers) {
      expect(headers).toMatchObject({
        'content-security-policy': "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        'x-content-type-options': 'nosniff',
        'x-frame-options': 'SAMEORIGIN',
        'referrer-policy': 'no-referrer',
        'cross-origin-resource-policy': 'same-origin',
        'cross-origin-opener-policy': 'same-origin',
      });
      expect(headers).not.toHaveProperty('x-powered-by');
      expect(headers).not.toHaveProperty('server');
    }
  });

  test('keep personal data out of every cache, unless the answer is conditional', async () => {
    const { id } = aJob({});
    api.jobs.get = () => Promise.resolve(aJob({ id }));
    const file = await stored('a.txt', 'text/plain', 'x');
    const cached = async (path: string) => (await api.agent().get(path)).get('Cache-Control');
    for (const path of ['/v1/jobs', '/v1/jobs/counts', `/v1/files/${file.id}`, '/v1/jobs/email_x/nothing', '/v1/files/file_x/content'])
      expect([path, await cached(path)]).toEqual([path, 'no-store']);
    expect((await api.agent().post('/v1/emails').send(email)).get('Cache-Control')).toBe('no-store');
    expect((await api.anonymous().get('/v1/jobs')).get('Cache-Control')).toBe('no-store');
    expect(await cached(`/v1/jobs/${id}`)).toBe('private, no-cache');
    expect(await cached(`/v1/files/${file.id}/content`)).toMatch(/^private,/);
  });
});

describe('a file that a browser would run', () => {
  const script = '<script>alert(document.domain)</script>';
  test.each([
    ['an SVG', 'a.svg', 'image/svg+xml', `<svg xmlns="http://www.w3.org/2000/svg">${script}</svg>`],
    ['HTML', 'a.html', 'text/html', `<!doctype html>${script}`],
    ['XHTML', 'a.xhtml', 'application/xhtml+xml', `<html xmlns="http://www.w3.org/1999/xhtml">${script}</html>`],
    ['JavaScript', 'a.js', 'text/javascript', 'alert(1)'],
    ['a PDF', 'a.pdf', 'application/pdf', '%PDF-1.7'],
    ['what nobody knows', 'a.bin', 'application/octet-stream', `GIF89a/*${script}*/`],
  ])('is only ever a download: %s', async (_what, name, type, bytes) => {
    const { id } = await stored(name, type, bytes);
    const metadata = (await api.agent().get(`/v1/files/${id}`)).body as { links: { content: string } };
    for (const answer of [await api.agent().get(`/v1/files/${id}/content`), await api.anonymous().get(metadata.links.content)]) {
      expect(answer.status).toBe(200);
      expect(answer.headers).toMatchObject({
        'content-disposition': `attachment; filename=${name}`,
        'x-content-type-options': 'nosniff',
        'content-security-policy': "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox",
        'cross-origin-resource-policy': 'same-origin',
      });
    }
  });
});

describe('what goes wrong inside', () => {
  const secret = 'hunter2 at postgres://u:p@db.internal';
  const thrown: [string, unknown, number][] = [
    ['an error', new Error(secret), 500],
    ['an error with a cause', new Error('outer', { cause: new Error(secret) }), 500],
    ['several errors', new AggregateError([new Error(secret)], secret), 500],
    ['a text', secret, 500],
    ['null', null, 500],
    ['nothing', undefined, 500],
    ['an object', { message: secret, stack: secret }, 500],
    ['an error that wants its message shown', Object.assign(new Error(secret), { status: 500, expose: true }), 500],
    ['an upstream answer', Object.assign(new Error(secret), { status: 404, statusCode: 404, response: { data: secret } }), 400],
    ['an error with headers', Object.assign(new Error(secret), { status: 503, headers: { 'X-Upstream': secret } }), 500],
    ['an error that can not be read', Object.defineProperty(new Error('x'), 'message', { get: () => secret }), 500],
    ['one of ours with a cause', new AppError('temporal_unavailable', 'Temporal does not answer.', { cause: new Error(secret) }), 503],
  ];
  test.each(thrown)('is answered without its text, stack or headers: %s', async (_what, error, status) => {
    // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- libraries do
    api.jobs.get = () => Promise.reject(error);
    for (const path of ['/v1/jobs/email_favhp5ge2rm62zof2zj3sgeyag', '/v1/jobs/email_favhp5ge2rm62zof2zj3sgeyag/events']) {
      const answer = await api.agent().get(path);
      expect([answer.status, answer.get('Content-Type')]).toEqual([status, 'application/problem+json; charset=utf-8']);
      expect(JSON.stringify(answer.headers) + answer.text).not.toMatch(/hunter2|postgres|x-upstream|\.ts:|\bat .*\(|node_modules/i);
    }
  });
});

describe('the log', () => {
  const lines: string[] = [];
  const log = createLog('info', { write: (line) => void lines.push(line) });

  test('has one parseable line for each request, whatever its path and headers are', async () => {
    const paths = [
      '/%0d%0a{"level":50,"msg":"forged"}',
      '/a%0Ab',
      '/%1b[31mred',
      '/%9b31m',
      '/"},{"level":60',
      '/\\n\\r',
      '/%e2%80%a8line',
      '/v1/jobs/%ff',
      '/v1/jobs/a?token=hunter2%0a',
    ];
    for (const path of paths)
      await rawRequest(
        api.port,
        [
          `GET ${path} HTTP/1.1\r\nHost: x"\\\r\nUser-Agent: \x9b31m"},\r\nX-Request-Id: forged"\\n\r\nReferer: a\tb\r\nConnection: close\r\n\r\n`,
        ].map((text) => Buffer.from(text, 'latin1')),
      );
    lines.length = 0;
    for (const answer of api.answers) log.info({ ...answer }, 'request');
    expect(lines).toHaveLength(paths.length);
    for (const line of lines) {
      // eslint-disable-next-line no-control-regex -- the control characters are the point
      expect(line).toMatch(/^[^\u0000-\u001f\u007f-\u009f\u2028\u2029]+\n$/);
      const { msg, level, path, requestId } = JSON.parse(line) as Record<string, unknown>;
      expect([msg, level]).toEqual(['request', 30]);
      expect(path).toMatch(/^(\/(v1|jobs|…))+$/);
      expect(requestId).toMatch(/^[0-9a-f-]{36}$/);
    }
    expect(lines.join('')).not.toContain('hunter2');
  });
});
