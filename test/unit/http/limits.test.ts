import { describe, expect, test } from '@jest/globals';

import { keys, testApi } from '../../support/api.ts';

const api = testApi({ limits: () => ({ defaults: { requestsPerMinute: 1_000 } }) });

const put = (body: unknown, path = '/v1/limits') =>
  api
    .agent()
    .put(path)
    .send(body as object);
const none = { limit: null, own: null, ceiling: null };

describe('GET /v1/limits', () => {
  test('shows what counts, who has set it, and what is used', async () => {
    api.limits.values.ceiling = { openJobs: 10, 'concurrentJobs.report': 4 };
    api.limits.values.own = { requestsPerMinute: 600, emailsPerDay: 100, storedBytes: 5_000, 'concurrentJobs.report': 2 };
    api.jobs.countOpen = () => Promise.resolve(3);
    api.limits.sent.count = 7;
    const response = await api.agent().get('/v1/limits');
    expect([response.status, response.get('Cache-Control')]).toEqual([200, 'no-store']);
    expect(response.body).toEqual({
      requestsPerMinute: { limit: 600, own: 600, ceiling: 1_000, used: 1 },
      openJobs: { limit: 10, own: null, ceiling: 10, used: 3 },
      storedBytes: { limit: 5_000, own: 5_000, ceiling: null, used: 0 },
      emailsPerDay: { limit: 100, own: 100, ceiling: null, used: 7 },
      concurrentJobs: { batch: none, email: none, report: { limit: 2, own: 2, ceiling: 4 }, reprocess: none, upload: none },
    });
  });
});

describe('PUT /v1/limits', () => {
  test('sets what is given, and removes what is null or left out', async () => {
    const set = await put({ requestsPerMinute: 600, emailsPerDay: 50, concurrentJobs: { report: 2 } });
    expect(set.status).toBe(200);
    expect(set.body).toMatchObject({ requestsPerMinute: { limit: 600, own: 600 }, concurrentJobs: { report: { limit: 2 } } });
    expect(api.limits.values).toEqual({ ceiling: {}, own: { requestsPerMinute: 600, emailsPerDay: 50, 'concurrentJobs.report': 2 } });
    await put({ emailsPerDay: null, openJobs: 0, concurrentJobs: { report: null, email: 1 } });
    expect(api.limits.values).toEqual({ ceiling: {}, own: { openJobs: 0, 'concurrentJobs.email': 1 } });
    await put({});
    expect(api.limits.values.own).toEqual({});
  });

  test('counts for the next request', async () => {
    expect((await put({ requestsPerMinute: 2 })).status).toBe(200);
    expect([(await api.agent().get('/v1/jobs')).status, (await api.agent().get('/v1/jobs')).status]).toEqual([200, 429]);
  });

  test.each([
    [{ requestsPerMinute: 1_001 }, 'value_out_of_range', '/requestsPerMinute'],
    [{ requestsPerMinute: 0 }, 'value_out_of_range', '/requestsPerMinute'],
    [{ openJobs: -1 }, 'value_out_of_range', '/openJobs'],
    [{ concurrentJobs: { report: 0 } }, 'value_out_of_range', '/concurrentJobs/report'],
    [{ concurrentJobs: { report: 5 } }, 'value_out_of_range', '/concurrentJobs/report'],
    [{ storedBytes: 1.5 }, 'invalid_request', '/storedBytes'],
    [{ emailsPerDay: '5' }, 'invalid_request', '/emailsPerDay'],
    [{ concurrentJobs: { unknown: 1 } }, 'invalid_request', '/concurrentJobs/unknown'],
    [{ tenant: 'other' }, 'invalid_request', '/tenant'],
    [[], 'invalid_request', ''],
  ])('refuses %j', async (body, code, pointer) => {
    api.limits.values.ceiling = { 'concurrentJobs.report': 4 };
    const response = await put(body);
    expect(response.body).toMatchObject({ status: 400, code, errors: [{ pointer }] });
    expect(api.limits.values.own).toEqual({});
  });
});

describe('PUT /v1/api-keys/{id}/limits', () => {
  const made = async () =>
    (
      await api
        .agent()
        .post('/v1/api-keys')
        .send({ scopes: ['read'] })
    ).body as { id: string; key: string };

  test('limits the key, below its tenant, until it is taken back, and shows it with the key', async () => {
    const { id, key } = await made();
    const limited = await put({ requestsPerMinute: 1 }, `/v1/api-keys/${id}/limits`);
    expect([limited.status, limited.body]).toEqual([200, expect.objectContaining({ id, limits: { requestsPerMinute: 1 } })]);
    expect([(await api.agent(key).get('/v1/jobs')).status, (await api.agent(key).get('/v1/jobs')).status]).toEqual([200, 429]);
    expect(JSON.stringify((await api.agent().get('/v1/api-keys')).body)).toContain('"limits":{"requestsPerMinute":1}');
    await put({ requestsPerMinute: null }, `/v1/api-keys/${id}/limits`);
    expect((await api.agent(key).get('/v1/jobs')).status).toBe(200);
  });

  test.each([
    [{ requestsPerMinute: 1_001 }, 'value_out_of_range'],
    [{ requestsPerMinute: 0 }, 'value_out_of_range'],
    [{}, 'invalid_request'],
    [{ requestsPerMinute: 1, emailsPerDay: 1 }, 'invalid_request'],
  ])('refuses %j', async (body, code) => {
    const { id } = await made();
    expect((await put(body, `/v1/api-keys/${id}/limits`)).body).toMatchObject({ status: 400, code });
  });

  test('of another tenant is as if it did not exist', async () => {
    const [foreign] = await api.keys.list('other');
    for (const id of [String(foreign?.id), 'key_unknown'])
      expect((await put({ requestsPerMinute: 1 }, `/v1/api-keys/${id}/limits`)).body).toMatchObject({ status: 404, code: 'not_found' });
    expect((await api.agent(keys.other).get('/v1/jobs')).get('RateLimit-Policy')).toBe('"requests";q=1000;w=60');
  });
});
