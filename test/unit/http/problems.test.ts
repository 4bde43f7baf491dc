import { describe, expect, jest, test } from '@jest/globals';
import type { Request, Response as ExpressResponse } from 'express';
import type { Response } from 'supertest';

import { AppError } from '../../../src/errors.ts';
import { problemHandler } from '../../../src/http/problem.ts';
import { allJobTypes } from '../../../src/jobs/registry.ts';
import { keys, testApi } from '../../support/api.ts';
import { rawRequest } from '../../support/raw-request.ts';

const api = testApi();
const email = { to: ['ada@example.com'], subject: 'Hello', text: 'Hi' };

/** RFC 9457 and what we add to it. */
function expectProblem(response: Response, status: number, code: string): void {
  expect({ status: response.status, code: (response.body as { code?: string }).code }).toEqual({ status, code });
  expect(response.get('Content-Type')).toBe('application/problem+json; charset=utf-8');
  const body = response.body as Record<string, unknown>;
  expect(body).toMatchObject({ status, code, retryable: status === 503, requestId: response.get('X-Request-Id') });
  expect(body['type']).toBe(`urn:handoff:problem:${code}`);
  expect(body['instance']).toBe(new URL(response.request.url).pathname);
  for (const name of ['title', 'detail', 'requestId']) expect(body[name]).toMatch(/^.{5,}$/);
}

const pointersOf = (response: Response) => (response.body as { errors: { pointer: string }[] }).errors.map(({ pointer }) => pointer);

describe('authentication', () => {
  const paths = ['/v1/jobs/email_x', '/v1/files/file_x', '/v1/files/file_x/content', '/v1/emails', '/v1/nothing', '/v1', '/v1/jobs/%ff'];
  const wrong = [
    '',
    'Bearer',
    'Bearer ',
    'Bearer wrong',
    `Basic ${keys.acme}`,
    keys.acme,
    `Bearer ${keys.acme} x`,
    `Bearer ${'x'.repeat(600)}`,
  ];

  test.each(paths)('is asked for at GET %s', async (path) => {
    const without = await api.anonymous().get(path);
    expectProblem(without, 401, 'unauthorized');
    expect(without.get('WWW-Authenticate')).toMatch(/^Bearer/);
  });

  test.each(allJobTypes.map(({ path }) => `/v1${path}`))('is asked for at POST %s, before the body is looked at', async (path) => {
    expectProblem(await api.anonymous().post(path).type('json').send('{'), 401, 'unauthorized');
    expectProblem(await api.anonymous().post(path).attach('file', Buffer.from('x'), 'x.txt'), 401, 'unauthorized');
    expect(await api.store.count()).toBe(0);
  });

  test.each(wrong)('is not passed with Authorization: %j', async (value) => {
    expectProblem(await api.anonymous().post('/v1/emails').set('Authorization', value).send(email), 401, 'unauthorized');
    expect(api.started).toEqual([]);
  });

  test.each(['Bearer ', 'Bearer a b', 'Bearer ä', `Bearer ${'x'.repeat(513)}`])(
    'is not even looked up for what can be no key: %j',
    async (value) => {
      expectProblem(
        await api.anonymous().get('/v1/jobs/email_x').set('Authorization', Buffer.from(value).toString('latin1')),
        401,
        'unauthorized',
      );
      expect(api.lookups).toEqual([]);
    },
  );

  test('does not mind the case of the word Bearer (RFC 9110, 11.1)', async () => {
    const response = await api.anonymous().post('/v1/emails').set('Authorization', `bearer ${keys.acme}`).send(email);
    expect(response.status).toBe(202);
  });

  test.each(['/livez', '/readyz', '/openapi.json', '/docs', '/docs/start.js', '/docs/assets/swagger-ui.css'])(
    'is not needed for %s',
    async (path) => {
      expect((await api.anonymous().get(path)).status).toBe(200);
    },
  );
});

describe('what is not there', () => {
  test.each(['/', '/v2/emails', '/favicon.ico', '/docs/assets/nothing.js', '/metricsx'])('is 404 at %s', async (path) => {
    expectProblem(await api.agent().get(path), 404, 'not_found');
  });

  test.each(['/v1', '/v1/', '/v1/nothing', '/v1/jobs/email_x', '/v1/jobs/..%2f..%2fetc', '/v1/files/file_x', '/v1/files/file_x/content'])(
    'is 404 at %s, with a key',
    async (path) => {
      expectProblem(await api.agent().get(path), 404, 'not_found');
    },
  );

  test('is 400 when the path is no valid UTF-8', async () => {
    expectProblem(await api.agent().get('/v1/jobs/%ff'), 400, 'invalid_request');
  });

  test.each([
    ['get', '/v1/emails', 'POST'],
    ['delete', '/v1/reports', 'POST'],
    ['put', '/v1/uploads', 'POST'],
    ['options', '/v1/emails', 'POST'],
    ['post', '/v1/jobs/email_x', 'GET, HEAD, PATCH'],
    ['delete', '/v1/jobs/email_x', 'GET, HEAD, PATCH'],
    ['delete', '/v1/jobs/email_x/cancel', 'POST'],
    ['patch', '/v1/files/file_x', 'GET, HEAD, DELETE'],
    ['post', '/v1/files/file_x/content', 'GET, HEAD'],
    ['post', '/livez', 'GET, HEAD'],
    ['post', '/metrics', 'GET, HEAD'],
    ['delete', '/readyz', 'GET, HEAD'],
    ['post', '/openapi.json', 'GET, HEAD'],
    ['post', '/docs', 'GET, HEAD'],
  ] as const)('is 405 with Allow for %s %s', async (method, path, allow) => {
    const response = await api.agent()[method](path);
    expectProblem(response, 405, 'method_not_allowed');
    expect(response.get('Allow')).toBe(allow);
  });
});

describe('a JSON body', () => {
  const post = (body: string, type = 'application/json') => api.agent().post('/v1/emails').set('Content-Type', type).send(body);

  test.each(['{', '', '{"to":[}', '{"a":1}{"b":2}', "{'to':1}", '\u0000'].filter((body) => body !== ''))(
    'that is malformed is 400: %j',
    async (body) => {
      const response = await post(body);
      expectProblem(response, 400, 'malformed_json');
      // Parsers quote what they were given.
      expect(JSON.stringify(response.body)).not.toContain('Unexpected');
    },
  );

  test.each(['[]', '"x"', '7', 'null', 'true', '{}'])('that is JSON, but no such object, is 400: %s', async (body) => {
    expectProblem(await post(body), 400, 'invalid_request');
  });

  test('that is empty is 400', async () => {
    expectProblem(await post(''), 400, 'invalid_request');
  });

  test.each(['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', 'application/jsonx', 'text/json'])(
    'declared as %s is 415',
    async (type) => {
      expectProblem(await post(JSON.stringify(email), type), 415, 'unsupported_media_type');
    },
  );

  test('without a type is 415', async () => {
    const init = { method: 'POST', headers: { Authorization: `Bearer ${keys.acme}` }, body: new Uint8Array(Buffer.from('{}')) };
    const response = await fetch(`http://127.0.0.1:${String(api.port)}/v1/emails`, init);
    expect([response.status, ((await response.json()) as { code: string }).code]).toEqual([415, 'unsupported_media_type']);
  });

  test('that is announced and not sent at all is 400', async () => {
    const answer = await rawRequest(api.port, [
      `POST /v1/emails HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${keys.acme}\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n`,
    ]);
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(answer).toContain('"code":"invalid_request"');
  });

  test('in another charset or encoding is 415', async () => {
    expectProblem(await post('{}', 'application/json; charset=klingon'), 415, 'unsupported_media_type');
    const encoded = api.agent().post('/v1/emails').type('json').set('Content-Encoding', 'br64').send('{}');
    expectProblem(await encoded, 415, 'unsupported_media_type');
  });

  test('over 10 MiB is 413, and the client can read that', async () => {
    expectProblem(await post(JSON.stringify({ ...email, text: 'x'.repeat(10 * 1024 * 1024) })), 413, 'payload_too_large');
    expect(api.started).toEqual([]);
  });

  test('names every fault with an RFC 6901 pointer', async () => {
    const response = await post(
      JSON.stringify({ to: ['ada@example.com', 'x\nBcc: y'], subject: 'a\r\nb', text: 7, 'a/b~c': 1, blind: [] }),
    );
    expectProblem(response, 400, 'invalid_request');
    expect(pointersOf(response).sort()).toEqual(['/a~1b~0c', '/blind', '/subject', '/text', '/to/1']);
  });

  test('with an unknown field is refused at that field', async () => {
    expect(pointersOf(await post(JSON.stringify({ ...email, answerTo: 'x@example.com' })))).toEqual(['/answerTo']);
    expect(api.started).toEqual([]);
  });

  test('names a few faults only when there are thousands', async () => {
    const rows = Array.from({ length: 3_000 }, () => ({ a: [1] }));
    const response = await api
      .agent()
      .post('/v1/reports')
      .send({ title: 'T', source: { rows }, outputs: [{ format: 'csv' }] });
    expectProblem(response, 400, 'invalid_request');
    expect(pointersOf(response)).toHaveLength(20);
    expect(pointersOf(response)[0]).toBe('/source/rows/0/a');
  });

  test('names the fault in the source that was meant', async () => {
    const report = (source: unknown) =>
      api
        .agent()
        .post('/v1/reports')
        .send({ title: 'T', source, outputs: [{ format: 'csv' }] });
    expect(pointersOf(await report({ fileId: 7 }))).toEqual(['/source/fileId']);
    expect(pointersOf(await report({ rows: [{ a: { b: 1 } }] }))).toEqual(['/source/rows/0/a']);
  });

  test('with a field called __proto__ is refused, since nothing may be dropped without a word', async () => {
    const response = await api
      .agent()
      .post('/v1/reports')
      .type('json')
      .send('{"title":"T","source":{"rows":[{"a":1,"__proto__":2}]},"outputs":[{"format":"csv"}]}');
    expectProblem(response, 400, 'invalid_request');
    expect(pointersOf(response)).toEqual(['/source/rows/0/__proto__']);
    const outer = await post('{"to":["ada@example.com"],"subject":"x","text":"y","__proto__":{"x":1}}');
    expect(pointersOf(outer)).toEqual(['/__proto__']);
  });

  test('that is nested deeply is refused like any other', async () => {
    expectProblem(await post(`{"to":${'['.repeat(50_000)}${']'.repeat(50_000)}}`), 400, 'invalid_request');
  });
});

describe('failures behind it', () => {
  const failing = (error: Error) => {
    api.jobs = { start: () => Promise.reject(error), get: () => Promise.reject(error) };
  };

  test('503 while Temporal is away, with Retry-After, and no 202', async () => {
    failing(new AppError('temporal_unavailable', 'Temporal does not answer.', { retryable: true, retryAfterSeconds: 5 }));
    for (const response of [await api.agent().post('/v1/emails').send(email), await api.agent().get('/v1/jobs/email_x')]) {
      expectProblem(response, 503, 'temporal_unavailable');
      expect(response.get('Retry-After')).toBe('5');
      expect(response.get('Location')).toBeUndefined();
    }
    expect(api.unexpected).toEqual([]);
  });

  test('422 for a key that was used with another body', async () => {
    failing(new AppError('idempotency_key_reused', 'This Idempotency-Key was used before with another request.'));
    expectProblem(await api.agent().post('/v1/emails').set('Idempotency-Key', 'k').send(email), 422, 'idempotency_key_reused');
  });

  test.each([
    ['an error', new Error('password=hunter2 at db.internal:5432')],
    ['an error of the right looks', Object.assign(new Error('hunter2'), { code: 'not_found', status: 503 })],
  ])('500 hides %s from the caller, and tells us', async (_what, error) => {
    failing(error);
    const response = await api.agent().get('/v1/jobs/email_x');
    expectProblem(response, 500, 'internal_error');
    expect(JSON.stringify([response.body, response.headers])).not.toMatch(/hunter2|internal:5432|at /);
    expect(api.unexpected).toEqual([error]);
  });
});

describe('readiness', () => {
  test('is 503 while a check fails, without its reason', async () => {
    api.checks = { probe: () => Promise.reject(new Error('password=hunter2')) };
    const response = await api.anonymous().get('/readyz');
    expectProblem(response, 503, 'not_ready');
    expect(response.body).toMatchObject({ checks: { probe: 'failed' } });
    expect(response.text).not.toContain('hunter2');
    expect((await api.anonymous().get('/livez')).status).toBe(200);
  });

  test('is 200 once all pass, and never cached', async () => {
    const response = await api.anonymous().get('/readyz');
    expect(response.body).toEqual({ status: 'ready', checks: { probe: 'ok' } });
    expect(response.get('Cache-Control')).toBe('no-store');
  });
});

test('a failure that comes too late for an answer cuts the connection, and Express is not asked to print it', () => {
  const onUnexpected = jest.fn();
  const [destroy, next] = [jest.fn(), jest.fn()];
  const response = { headersSent: true, locals: { requestId: 'r' }, destroy } as unknown as ExpressResponse;
  const error = new Error('hunter2');
  problemHandler(onUnexpected)(error, {} as unknown as Request, response, next);
  expect(onUnexpected).toHaveBeenCalledWith(error, 'r');
  expect(destroy).toHaveBeenCalledTimes(1);
  expect(next).not.toHaveBeenCalled();
});

test('every answer is noted without the query', async () => {
  await api.agent().get('/v1/jobs/email_x?name=Ada');
  expect(api.answers).toMatchObject([{ method: 'GET', path: '/v1/jobs/…', status: 404 }]);
});

test('no answer tells what it is made with', async () => {
  for (const path of ['/livez', '/v1/x', '/docs']) expect((await api.agent().get(path)).headers).not.toHaveProperty('x-powered-by');
});
