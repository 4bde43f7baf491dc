import { describe, expect, test } from '@jest/globals';

import { keys, testApi } from '../../support/api.ts';
import { exchange } from '../../support/exchange.ts';
import { rawRequest } from '../../support/raw-request.ts';

const perMinute = 5;
const api = testApi({ limits: () => ({ defaults: { requestsPerMinute: perMinute }, keylessRequestsPerMinute: 3, now: () => at }) });
/** Half a minute before the window ends. */
const at = 30_000;

const get = (path: string, headers: Record<string, string> = {}, key: string | undefined = keys.acme, method = 'GET') =>
  exchange(api.port, { method, path, headers: { ...(key !== '' && { Authorization: `Bearer ${key}` }), ...headers }, body: undefined });

async function statuses(count: number, ask: (i: number) => Promise<{ status: number }>): Promise<number[]> {
  const all: number[] = [];
  for (let i = 0; i < count; i++) all.push((await ask(i)).status);
  return all;
}

const allowedAndRefused = [...Array<number>(perMinute).fill(200), 429, 429, 429];

describe('an answer to a request with a key', () => {
  test('tells how many are left and for how long, whatever its status', async () => {
    const good = await get('/v1/jobs');
    expect([good.status, good.headers.get('RateLimit-Policy'), good.headers.get('RateLimit')]).toEqual([
      200,
      '"requests";q=5;w=60',
      '"requests";r=4;t=30',
    ]);
    expect((await get('/v1/jobs/email_x')).headers.get('RateLimit')).toBe('"requests";r=3;t=30');
    expect((await get('/v1/nowhere')).headers.get('RateLimit')).toBe('"requests";r=2;t=30');
  });

  test('names the limit of the key beside that of its tenant', async () => {
    const { id } = (
      await api
        .agent()
        .post('/v1/api-keys')
        .send({ scopes: ['read'] })
    ).body as { id: string };
    await api.agent().put(`/v1/api-keys/${id}/limits`).send({ requestsPerMinute: 1 });
    const key = 'hk_made_0000000002';
    const good = await get('/v1/jobs', {}, key);
    expect(good.headers.get('RateLimit-Policy')).toBe('"requests";q=5;w=60, "requests-of-key";q=1;w=60');
    expect(good.headers.get('RateLimit')).toBe('"requests";r=2;t=30, "requests-of-key";r=0;t=30');
    const refused = await get('/v1/jobs', {}, key);
    expect([refused.status, refused.headers.get('RateLimit')]).toEqual([429, '"requests-of-key";r=0;t=30']);
    expect((await get('/v1/jobs')).status).toBe(200);
  });

  test('is a problem with Retry-After once none are left, and nothing is done', async () => {
    for (let i = 0; i < perMinute; i++) await get('/v1/jobs');
    const refused = await api
      .agent()
      .post('/v1/emails')
      .send({ to: ['ada@example.com'], subject: 'Hello', text: 'Hi' });
    expect(refused.status).toBe(429);
    expect(refused.headers).toMatchObject({
      'retry-after': '30',
      ratelimit: '"requests";r=0;t=30',
      'ratelimit-policy': '"requests";q=5;w=60',
    });
    expect(refused.body).toMatchObject({ code: 'rate_limited', status: 429, retryable: true });
    expect(api.started).toEqual([]);
    // Who has no key is told so, not that there are too many requests.
    expect((await api.anonymous().get('/v1/jobs')).status).toBe(401);
    expect((await api.anonymous().get('/livez')).status).toBe(200);
  });

  test('is refused with a metric by the name of the limit, and no name of a tenant', async () => {
    for (let i = 0; i < perMinute + 2; i++) await get('/v1/jobs');
    const text = (await api.anonymous().get('/metrics')).text;
    expect(
      text
        .split('\n')
        .filter((line) => line.startsWith('handoff_limit_refusals_total'))
        .sort(),
    ).toEqual([
      'handoff_limit_refusals_total{limit="backlog"} 0',
      'handoff_limit_refusals_total{limit="emailsPerDay"} 0',
      'handoff_limit_refusals_total{limit="keyRequestsPerMinute"} 0',
      'handoff_limit_refusals_total{limit="keylessRequestsPerMinute"} 0',
      'handoff_limit_refusals_total{limit="openJobs"} 0',
      'handoff_limit_refusals_total{limit="requestsPerMinute"} 2',
      'handoff_limit_refusals_total{limit="storedBytes"} 0',
    ]);
    expect(text).not.toContain('acme');
  });
});

describe('going round the limit of a tenant', () => {
  test('by X-Forwarded-For, Forwarded or X-Real-IP wins nothing', async () => {
    const asked = await statuses(8, (i) => {
      const address = `198.51.100.${String(i)}`;
      return get('/v1/jobs', { 'X-Forwarded-For': address, Forwarded: `for=${address}`, 'X-Real-IP': address });
    });
    expect(asked).toEqual(allowedAndRefused);
  });

  test('by another spelling of the path wins nothing', async () => {
    const spellings = [
      '/v1/jobs',
      '/V1/jobs',
      '/v1/JOBS',
      '/v1/jobs/',
      '/v1/jobs?x',
      '/v1/%6aobs',
      '/v1//jobs',
      '/v1/./jobs',
      '/v1/jobs#x',
    ];
    for (const spelling of [...spellings, '//v1/jobs', '/v1/jobs/../jobs', '/%76%31/jobs', '/v1;x/jobs']) {
      for (let i = 0; i < perMinute; i++) await get('/v1/jobs');
      const { status } = await get(spelling);
      // What is not below /v1 for Express is nothing at all.
      expect([spelling, status]).toEqual([spelling, /^\/v1\//i.test(spelling) ? 429 : 404]);
    }
  });

  test('by another method, or one in a header, wins nothing', async () => {
    const methods = ['HEAD', 'GET', 'OPTIONS', 'DELETE', 'PUT', 'HEAD', 'OPTIONS', 'GET'];
    const asked = await statuses(8, (i) => get('/v1/jobs', { 'X-HTTP-Method-Override': 'GET' }, keys.acme, String(methods[i])));
    expect(asked).toEqual([200, 200, 405, 405, 405, 429, 429, 429]);
  });

  test('by many keys wins nothing, and costs no other tenant anything', async () => {
    const many = Array.from({ length: 8 }, (_, i) => `hk_many_${String(i).padStart(8, '0')}`);
    for (const key of many) api.keys.add(key, { scopes: ['read'] });
    expect(await statuses(8, (i) => get('/v1/jobs', {}, String(many[i])))).toEqual(allowedAndRefused);
    expect((await get('/v1/jobs', {}, keys.other)).status).toBe(200);
  });

  test('by sending many requests at once on one connection (pipelining) wins nothing', async () => {
    api.keys.inMemory.add(keys.acme);
    const one = `GET /v1/jobs HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${keys.acme}\r\n`;
    const received = await rawRequest(api.port, [`${`${one}\r\n`.repeat(29)}${one}Connection: close\r\n\r\n`]);
    const answers = [...received.matchAll(/HTTP\/1\.1 (\d+) /g)].map(([, status]) => Number(status));
    expect(answers.sort()).toEqual([...Array<number>(perMinute).fill(200), ...Array<number>(25).fill(429)]);
  });

  test('by many connections at once wins nothing', async () => {
    api.keys.inMemory.add(keys.acme);
    const asked = await Promise.all(Array.from({ length: 30 }, () => get('/v1/jobs')));
    expect(asked.filter(({ status }) => status === 200)).toHaveLength(perMinute);
  });
});

describe('guessing keys', () => {
  test('is held up by the address, before a key is looked up, whatever X-Forwarded-For says', async () => {
    const asked = await statuses(6, (i) => get('/v1/jobs', { 'X-Forwarded-For': `198.51.100.${String(i)}` }, `hk_guess_${String(i)}`));
    expect([asked, api.lookups.length]).toEqual([[401, 401, 401, 429, 429, 429], 3]);
    const refused = await get('/v1/jobs', {}, 'hk_guess');
    expect(refused.headers.get('RateLimit-Policy')).toBe('"requests-without-key";q=3;w=60');
    expect([refused.headers.get('Retry-After'), JSON.parse(refused.text)]).toEqual([
      '30',
      expect.objectContaining({ code: 'rate_limited' }),
    ]);
  });

  test('at once, and without a header, is held up as well', async () => {
    const asked = await Promise.all(Array.from({ length: 20 }, (_, i) => get('/v1/jobs', {}, i % 2 === 0 ? '' : `hk_guess_${String(i)}`)));
    expect(asked.filter(({ status }) => status === 401)).toHaveLength(3);
  });

  test('of signed links is held up by the same limit', async () => {
    const asked = await statuses(5, (i) => get(`/v1/files/file_x/content?expires=9999999999&signature=${String(i)}`, {}, ''));
    expect(asked).toEqual([404, 404, 404, 429, 429]);
  });

  test('does not hold up keys from the same address that are in use', async () => {
    await statuses(5, (i) => get('/v1/jobs', {}, `hk_guess_${String(i)}`));
    expect((await get('/v1/jobs')).status).toBe(429);
    api.keys.inMemory.add(keys.acme);
    expect((await get('/v1/jobs')).status).toBe(200);
  });

  test('is not what many requests with a valid key are', async () => {
    expect(await statuses(perMinute, () => get('/v1/jobs'))).toEqual(Array(perMinute).fill(200));
    expect((await get('/v1/jobs', {}, 'hk_guess')).status).toBe(401);
  });
});
