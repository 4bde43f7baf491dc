import { describe, expect, test } from '@jest/globals';

import { jobOf, testApi } from '../../support/api.ts';

const api = testApi();
const email = { to: ['ada@example.com'], subject: 'Hello', text: 'Hi' };

/** The same options in a JSON body and in the part `request` of a multipart body. @param options as JSON: it can hold 1e400. */
const bodies = [
  [
    'a JSON body',
    '',
    (options: string) =>
      api
        .agent()
        .post('/v1/emails')
        .type('json')
        .send(`{"options":${options},${JSON.stringify(email).slice(1)}`),
  ],
  [
    'a multipart body',
    '/request',
    (options: string) =>
      api.agent().post('/v1/uploads').attach('file', Buffer.from('hello'), 'a.txt').field('request', `{"options":${options}}`),
  ],
] as const;

const outOfRange = [
  ['{"delaySeconds":-1}', '/options/delaySeconds'],
  ['{"delaySeconds":1e30}', '/options/delaySeconds'],
  ['{"delaySeconds":1e400}', '/options/delaySeconds'],
  ['{"ttlSeconds":0}', '/options/ttlSeconds'],
  ['{"ttlSeconds":-1e400}', '/options/ttlSeconds'],
  ['{"ttlSeconds":99999999999999999999}', '/options/ttlSeconds'],
  ['{"priority":6}', '/options/priority'],
  ['{"priority":-1}', '/options/priority'],
  ['{"retry":{"maximumAttempts":1000}}', '/options/retry/maximumAttempts'],
  ['{"startAt":"9999-12-31T23:59:59Z"}', '/options/startAt'],
] as const;

describe.each(bodies)('options in %s', (_name, place, post) => {
  test('reach the job client', async () => {
    const response = await post('{"delaySeconds":60,"ttlSeconds":5,"priority":1,"labels":{"order":"42"},"retry":{"maximumAttempts":2}}');
    expect(response.status).toBe(202);
    expect(api.started).toMatchObject([
      {
        options: {
          startAt: expect.any(Date),
          ttlSeconds: 5,
          priority: 1,
          labels: { order: '42' },
          labelHashes: [expect.any(String)],
          retry: { maximumAttempts: 2 },
        },
      },
    ]);
  });

  test.each(outOfRange)('%s is out of range', async (options, pointer) => {
    const response = await post(options);
    expect(response.status).toBe(400);
    expect(response.body).toMatchObject({ code: 'value_out_of_range', retryable: false });
    const { errors } = response.body as { errors: { pointer: string }[] };
    expect(new Set(errors.map((error) => error.pointer))).toEqual(new Set([`${place}${pointer}`]));
    expect(api.started).toEqual([]);
    expect(await api.store.count()).toBe(0);
  });

  test.each([
    ['{"startAt":"2020-01-01T00:00:00Z"}', '/options/startAt', 'start_in_past'],
    ['{"startAt":"2090-01-01T00:00:00Z","delaySeconds":5}', '/options/delaySeconds', 'invalid_request'],
    ['{"startAt":"soon"}', '/options/startAt', 'invalid_request'],
    ['{"colour":"red"}', '/options/colour', 'invalid_request'],
    ['{"labels":{"a=b":"c"}}', '/options/labels/a=b', 'invalid_request'],
    ['{"priority":7,"colour":"red"}', '/options/priority', 'invalid_request'],
    ['[]', '/options', 'invalid_request'],
    ['null', '/options', 'invalid_request'],
  ])('%s is refused with a pointer to the fault', async (options, pointer, code) => {
    const response = await post(options);
    expect(response.status).toBe(400);
    expect(response.body).toMatchObject({ code });
    expect((response.body as { errors: { pointer: string }[] }).errors.map((error) => error.pointer)).toContain(`${place}${pointer}`);
    expect(api.started).toEqual([]);
  });
});

describe('a repeated submission', () => {
  test('is answered with its job also when the start time is past by now', async () => {
    const body = { ...email, options: { startAt: '2020-01-01T00:00:00Z' } };
    api.jobs = {
      earlier: ({ jobId, type }) => Promise.resolve(jobOf({ jobId, type, createdAt: new Date(0).toISOString() }, { status: 'completed' })),
    };
    const response = await api.agent().post('/v1/emails').set('Idempotency-Key', 'k').send(body);
    expect(response.status).toBe(202);
    expect(response.get('Idempotency-Replayed')).toBe('true');
    expect(response.body).toMatchObject({ status: 'completed' });
    api.jobs = {};
    expect((await api.agent().post('/v1/emails').set('Idempotency-Key', 'k').send(body)).body).toMatchObject({ code: 'start_in_past' });
    expect(api.started).toEqual([]);
  });
});
