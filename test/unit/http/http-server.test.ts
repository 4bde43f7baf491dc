import { describe, expect, test } from '@jest/globals';
import { connect } from 'node:net';
import { gzipSync } from 'node:zlib';

import { keys, testApi } from '../../support/api.ts';
import { eventually } from '../../support/eventually.ts';
import { rawRequest } from '../../support/raw-request.ts';

const refusals: { code: string; requestId?: string }[] = [];
const api = testApi({ server: { onRefused: (refused) => refusals.push(refused) } });

const auth = `Authorization: Bearer ${keys.acme}\r\n`;
const post = (headers: string, body: string) =>
  `POST /v1/emails HTTP/1.1\r\nHost: x\r\n${auth}Content-Type: application/json\r\n${headers}\r\n${body}`;

interface Parsed {
  status: number;
  head: string;
  body: Record<string, unknown>;
}

/** Of exactly one answer: whatever follows would be a second request that somebody smuggled in. */
function only(answer: string): Parsed {
  expect(answer.match(/HTTP\/1\.1 \d{3}/g)).toHaveLength(1);
  const [head = '', body = ''] = answer.split('\r\n\r\n');
  return { status: Number(/^HTTP\/1\.1 (\d{3})/.exec(head)?.[1]), head, body: JSON.parse(body) as Record<string, unknown> };
}

function expectRefusal(answer: string, status: number, code: string): void {
  const parsed = only(answer);
  expect([parsed.status, parsed.body['code'], parsed.body['status']]).toEqual([status, code, status]);
  expect(parsed.head).toContain('application/problem+json');
  expect(parsed.head).toMatch(/^Connection: close$/im);
  expect(parsed.head).toMatch(/^Content-Security-Policy: default-src 'none'; base-uri 'none'; .*frame-ancestors 'none'$/im);
  expect(parsed.head).toContain(`X-Request-Id: ${String(parsed.body['requestId'])}`);
  expect(parsed.body).toMatchObject({ type: `urn:handoff:problem:${code}`, title: expect.any(String), detail: expect.any(String) });
  expect(answer).not.toMatch(/HPE_|llhttp|Parse Error|node:/);
}

describe('a request that two parsers may read in two ways', () => {
  const second = 'GET /v1/smuggled HTTP/1.1\r\nHost: x\r\n\r\n';
  test.each([
    ['Content-Length and Transfer-Encoding', post(`Content-Length: 6\r\nTransfer-Encoding: chunked\r\n`, `0\r\n\r\n${second}`)],
    ['Transfer-Encoding and Content-Length', post(`Transfer-Encoding: chunked\r\nContent-Length: 6\r\n`, `0\r\n\r\n${second}`)],
    ['two lengths', post('Content-Length: 2\r\nContent-Length: 60\r\n', `{}${second}`)],
    ['one length twice', post('Content-Length: 2\r\nContent-Length: 2\r\n', `{}${second}`)],
    ['a list of lengths', post('Content-Length: 2, 2\r\n', `{}${second}`)],
    ['a length with a sign', post('Content-Length: +2\r\n', `{}${second}`)],
    ['a length in hexadecimal', post('Content-Length: 0x2\r\n', `{}${second}`)],
    ['an encoding nobody knows', post('Transfer-Encoding: xchunked\r\n', `0\r\n\r\n${second}`)],
    ['two encodings', post('Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n', `0\r\n\r\n${second}`)],
    ['a space before the colon', post('Transfer-Encoding : chunked\r\n', `0\r\n\r\n${second}`)],
    ['an encoding on a folded line', post('Transfer-Encoding:\r\n chunked\r\n', `0\r\n\r\n${second}`)],
    ['a folded header', `GET /livez HTTP/1.1\r\nHost: x\r\nX-A: b\r\n c: d\r\n\r\n${second}`],
    ['a header that begins with a space', `GET /livez HTTP/1.1\r\n Host: x\r\n\r\n${second}`],
    ['bare line feeds', `GET /livez HTTP/1.1\nHost: x\n\n${second}`],
    ['one bare line feed', `GET /livez HTTP/1.1\r\nHost: x\nX-A: b\r\n\r\n${second}`],
    ['a bare carriage return', `GET /livez HTTP/1.1\r\nHost: x\rX-A: b\r\n\r\n${second}`],
    ['a bare line feed after a chunk size', post('Transfer-Encoding: chunked\r\n', `2\n{}\r\n0\r\n\r\n${second}`)],
    ['a chunk size that is none', post('Transfer-Encoding: chunked\r\n', `zz\r\n{}\r\n0\r\n\r\n${second}`)],
    ['a NUL in a header', `GET /livez HTTP/1.1\r\nHost: x\r\nX-A: a\0b\r\n\r\n${second}`],
    ['a NUL in the path', `GET /livez\0 HTTP/1.1\r\nHost: x\r\n\r\n${second}`],
    ['no Host', `GET /livez HTTP/1.1\r\n\r\n${second}`],
    ['two Hosts', `GET /livez HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n${second}`],
    ['chunks in HTTP/1.0', `POST /v1/emails HTTP/1.0\r\nHost: x\r\n${auth}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n${second}`],
    ['the preface of HTTP/2', `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n${second}`],
    ['HTTP/2 as a version', `GET /livez HTTP/2.0\r\nHost: x\r\n\r\n${second}`],
    ['no HTTP at all', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'],
  ])('is refused with 400 and the connection closed: %s', async (_what, bytes) => {
    expectRefusal(await rawRequest(api.port, [Buffer.from(bytes, 'latin1')]), 400, 'malformed_request');
    expect(api.started).toEqual([]);
  });

  test('is told to the log without its bytes', async () => {
    refusals.length = 0;
    const { body } = only(await rawRequest(api.port, ['GET /hunter2 HTTP/1.1\r\nHost: x\r\nhunter2 : x\r\n\r\n']));
    expect(refusals).toEqual([{ code: 'malformed_request', requestId: body['requestId'] }]);
  });

  test('does not get its refusal in the place of the answer to the request before', async () => {
    let settle: () => void = () => undefined;
    api.checks = { probe: () => new Promise<void>((resolve) => (settle = resolve)) };
    const first = 'GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n';
    expect(await rawRequest(api.port, [first + 'GARBAGE\r\n\r\n'])).toBe('');
    settle();
  });
});

describe('oversize', () => {
  test('headers are refused with 431 by node itself, as a problem document', async () => {
    const answer = await rawRequest(api.port, [`GET /livez HTTP/1.1\r\nHost: x\r\nX-A: ${'a'.repeat(20_000)}\r\n\r\n`]);
    expectRefusal(answer, 431, 'headers_too_large');
  });

  test('headers are refused before they are complete', async () => {
    expectRefusal(await rawRequest(api.port, [`GET /livez HTTP/1.1\r\nHost: x\r\nX-A: ${'a'.repeat(200_000)}`]), 431, 'headers_too_large');
  });

  test.each([101, 2_500])('%d headers are refused with 431', async (count) => {
    const many = Array.from({ length: count - 1 }, () => 'a:b\r\n').join('');
    expectRefusal(await rawRequest(api.port, [`GET /livez HTTP/1.1\r\nHost: x\r\n${many}\r\n`]), 431, 'headers_too_large');
  });

  test('addresses are refused with 414', async () => {
    expectRefusal(await rawRequest(api.port, [`GET /livez?${'a'.repeat(9_000)} HTTP/1.1\r\nHost: x\r\n\r\n`]), 414, 'uri_too_long');
  });

  test('chunk extensions are refused with 413', async () => {
    const answer = await rawRequest(api.port, [post('Transfer-Encoding: chunked\r\n', `2;${'a'.repeat(30_000)}\r\n{}\r\n0\r\n\r\n`)]);
    expectRefusal(answer, 413, 'payload_too_large');
  });

  test('JSON that is nested without end is refused with 400', async () => {
    for (const deep of ['['.repeat(1_000_000) + ']'.repeat(1_000_000), '{"a":'.repeat(100_000) + '1' + '}'.repeat(100_000)]) {
      for (const [method, path] of [
        ['post', '/v1/emails'],
        ['patch', '/v1/jobs/email_x'],
      ] as const) {
        const whole = await api
          .agent()
          [method](path)
          .type('json')
          .send(method === 'patch' ? `{"request":${deep}}` : deep);
        expect([whole.status, (whole.body as { code: string }).code]).toEqual([400, 'invalid_request']);
      }
    }
    expect(api.unexpected).toEqual([]);
  });

  test('compressed JSON counts as what it becomes', async () => {
    const bomb = gzipSync(JSON.stringify({ text: 'a'.repeat(11 * 1024 * 1024) }));
    expect(bomb.length).toBeLessThan(20_000);
    const headers = { Authorization: `Bearer ${keys.acme}`, 'Content-Type': 'application/json', 'Content-Encoding': 'gzip' };
    const response = await fetch(`http://127.0.0.1:${String(api.port)}/v1/emails`, { method: 'POST', headers, body: bomb });
    expect([response.status, ((await response.json()) as { code: string }).code]).toEqual([413, 'payload_too_large']);
  });
});

describe('a method', () => {
  test('TRACE is refused, and nothing of the request comes back', async () => {
    for (const path of ['/livez', '/v1/jobs', '/']) {
      const answer = await rawRequest(api.port, [
        `TRACE ${path} HTTP/1.1\r\nHost: x\r\n${auth}X-Secret: hunter2\r\nConnection: close\r\n\r\n`,
      ]);
      expect(only(answer).status).toBe(path === '/' ? 404 : 405);
      expect(answer).not.toContain('hunter2');
    }
  });

  test('CONNECT is refused, and the connection closed', async () => {
    expectRefusal(
      await rawRequest(api.port, ['CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n']),
      405,
      'method_not_allowed',
    );
  });

  test.each(['X-HTTP-Method-Override', 'X-HTTP-Method', 'X-Method-Override', '_method'])('is not overridden by %s', async (name) => {
    const removed: string[] = [];
    api.jobs.cancel = (_tenant, id) => {
      removed.push(id);
      return Promise.resolve(undefined);
    };
    const response = await api
      .agent()
      .get('/v1/jobs')
      .set(name, 'DELETE')
      .query({ ...(name === '_method' && {}) });
    expect(response.status).toBe(200);
    expect((await api.agent().post('/v1/jobs').set(name, 'GET')).status).toBe(405);
    expect(removed).toEqual([]);
  });
});

test('an upgrade to h2c is ignored: the answer is HTTP/1.1', async () => {
  const upgrade = 'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n';
  const socket = connect(api.port, '127.0.0.1');
  let received = '';
  socket.setEncoding('latin1').on('data', (text: string) => (received += text));
  socket.write(`GET /livez HTTP/1.1\r\nHost: x\r\n${upgrade}\r\n`);
  await eventually(() => {
    expect(received).toMatch(/^HTTP\/1\.1 200 OK\r\n[^]*\{"status":"alive"\}$/);
  });
  expect(received).not.toMatch(/101|Upgrade/);
  socket.destroy();
});

test('an expectation that nobody knows is ignored', async () => {
  expect(only(await rawRequest(api.port, ['GET /livez HTTP/1.1\r\nHost: x\r\nExpect: miracles\r\nConnection: close\r\n\r\n'])).status).toBe(
    200,
  );
});

test('a whole URL is taken for its path, whatever host it names', async () => {
  const answer = await rawRequest(api.port, ['GET http://evil.example/v1/nothing?x=1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n']);
  expect(only(answer).body).toMatchObject({ status: 401, instance: '/v1/nothing' });
  expect(answer).not.toContain('evil');
});

test('no more connections are taken than were asked for', async () => {
  api.server.maxConnections = 1;
  const first = connect(api.port, '127.0.0.1');
  await new Promise((resolve) => first.once('connect', resolve));
  const second = connect(api.port, '127.0.0.1');
  second.on('error', () => undefined);
  await new Promise((resolve) => second.once('close', resolve));
  expect(first.destroyed).toBe(false);
  first.destroy();
});
