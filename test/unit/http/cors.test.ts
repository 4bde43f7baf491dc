import { describe, expect, test } from '@jest/globals';

import { allJobTypes } from '../../../src/jobs/registry.ts';
import { keys, testApi } from '../../support/api.ts';

const origin = 'https://app.example.com';
const api = testApi({ edges: { corsOrigins: [origin, 'http://localhost:5173'] } });
const paths = [
  '/v1/jobs',
  '/v1/jobs/email_x',
  '/v1/jobs/email_x/events',
  '/v1/jobs/email_x/cancel',
  '/v1/files/file_x',
  '/v1/nothing',
  '/v1/uploads/tus',
  '/v1/uploads/tus/tus_x',
  ...allJobTypes.map(({ path }) => `/v1${path}`),
];
const preflight = {
  'Access-Control-Request-Method': 'POST',
  'Access-Control-Request-Headers': 'authorization,content-type,idempotency-key',
};
const corsOf = (headers: Record<string, string>) => Object.keys(headers).filter((name) => name.startsWith('access-control-'));

describe('a page of an allowed origin', () => {
  test.each(paths)('gets its preflight for %s answered, without a key', async (path) => {
    const answer = await api
      .anonymous()
      .options(path)
      .set({ Origin: origin, ...preflight });
    expect(answer.status).toBe(204);
    expect(answer.headers).toMatchObject({
      'access-control-allow-origin': origin,
      'access-control-allow-methods': expect.stringContaining('POST'),
      'access-control-max-age': '600',
      vary: expect.stringContaining('Origin'),
    });
    const allowed = answer.get('Access-Control-Allow-Headers')?.toLowerCase().split(', ');
    expect(allowed).toEqual(expect.arrayContaining(['authorization', 'content-type', 'idempotency-key', 'prefer', 'last-event-id']));
    const tus = ['tus-resumable', 'upload-length', 'upload-defer-length', 'upload-metadata', 'upload-offset'];
    expect(allowed).toEqual(expect.arrayContaining(tus));
    expect(answer.headers).not.toHaveProperty('access-control-allow-credentials');
    expect(api.lookups).toEqual([]);
  });

  test('may read answers and errors, with all their headers, and never with cookies', async () => {
    for (const one of [origin, 'http://localhost:5173']) {
      const answers = [await api.agent().get('/v1/jobs').set('Origin', one), await api.anonymous().get('/v1/jobs').set('Origin', one)];
      expect(answers.map(({ status }) => status)).toEqual([200, 401]);
      for (const { headers } of answers) {
        // `*` is all headers, Location and Retry-After and so on, as there are no cookies (Fetch standard, 3.3.6).
        expect(headers).toMatchObject({ 'access-control-allow-origin': one, 'access-control-expose-headers': '*', vary: 'Origin' });
        expect(headers).not.toHaveProperty('access-control-allow-credentials');
      }
    }
  });

  test('needs a key all the same', async () => {
    expect((await api.anonymous().post('/v1/emails').set('Origin', origin).send({})).status).toBe(401);
  });
});

describe('a page of any other origin', () => {
  test.each([
    'https://evil.example',
    'http://app.example.com',
    'https://app.example.com:8443',
    'https://app.example.com.evil.example',
    'https://evil.app.example.com',
    'https://APP.example.com',
    'https://app.example.com/',
    `${origin}, https://evil.example`,
    'null',
    '*',
  ])('%s is told nothing', async (other) => {
    const answers = [
      await api
        .anonymous()
        .options('/v1/emails')
        .set({ Origin: other, ...preflight }),
      await api.agent().get('/v1/jobs').set('Origin', other),
    ];
    expect(answers.map(({ status }) => status)).toEqual([401, 200]);
    for (const { headers } of answers) {
      expect(corsOf(headers)).toEqual([]);
      expect(headers).toMatchObject({ vary: 'Origin' });
    }
  });
});

describe('while no origin is allowed', () => {
  const closed = testApi();

  test('every page is told nothing', async () => {
    const answers = [
      await closed
        .anonymous()
        .options('/v1/emails')
        .set({ Origin: origin, ...preflight }),
      await closed.agent(keys.acme).get('/v1/jobs').set('Origin', origin),
    ];
    for (const { headers } of answers) expect([corsOf(headers), headers['vary']]).toEqual([[], undefined]);
  });
});

test('OPTIONS that is no preflight is a method that is not allowed', async () => {
  const answer = await api.agent().options('/v1/emails').set('Origin', origin);
  expect([answer.status, answer.get('Allow')]).toEqual([405, 'POST']);
});

test('what is not below /v1 is not for other pages', async () => {
  for (const path of ['/livez', '/metrics', '/openapi.json', '/docs'])
    expect(corsOf((await api.anonymous().get(path).set('Origin', origin)).headers)).toEqual([]);
});
