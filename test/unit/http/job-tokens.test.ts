import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';

import { jobToken } from '../../../src/http/job-token.ts';
import { openApiDocument } from '../../../src/http/openapi.ts';
import { keyScopes } from '../../../src/jobs/api-keys.ts';
import { newJobId } from '../../../src/jobs/ids.ts';
import { aJob, keys, tenantKeys, testApi } from '../../support/api.ts';
import { eventually } from '../../support/eventually.ts';
import { type EventClient, follow } from '../../support/event-client.ts';
import { exchange } from '../../support/exchange.ts';
import { type OpenApi, operationsOf } from '../../support/openapi.ts';

const api = testApi({ streams: { perKey: 2, recheckMs: 20 } });
const job = aJob({ id: newJobId('report', 'acme', 'mine'), type: 'report', status: 'running' });
const another = aJob({ id: newJobId('report', 'acme', 'another'), type: 'report' });
const foreign = aJob({ id: newJobId('report', 'other', 'foreign'), type: 'report' });

let clients: EventClient[];
beforeEach(() => {
  clients = [];
  const owners = [
    [job, 'acme'],
    [another, 'acme'],
    [foreign, 'other'],
  ] as const;
  api.jobs.get = (tenant, id) => Promise.resolve(owners.find(([{ id: own }, owner]) => own === id && owner === tenant)?.[0]);
  api.jobs.explain = (tenant, id) =>
    Promise.resolve(tenant === 'acme' && id === job.id ? { status: 'running', stuck: false, because: [], next: [] } : undefined);
});
afterEach(() => {
  for (const client of clients) client.leave();
});

const ask = (body?: object, { key = keys.acme, id = job.id } = {}) => api.agent(key).post(`/v1/jobs/${id}/tokens`).send(body);
const tokenOf = async (key?: string) => ((await ask({}, { ...(key !== undefined && { key }) })).body as { token: string }).token;
const problem = (status: number, code: string) => ({ status, body: expect.objectContaining({ code }) as unknown });
const unauthorized = problem(401, 'unauthorized');

async function followed(token: string, query = ''): Promise<EventClient> {
  const client = await follow({ url: `http://127.0.0.1:${String(api.port)}/v1/jobs/${job.id}/events${query}`, key: token });
  clients.push(client);
  return client;
}

describe('POST /v1/jobs/{id}/tokens', () => {
  test.each([
    [undefined, 600],
    [{}, 600],
    [{ ttlSeconds: 1 }, 1],
    [{ ttlSeconds: 3_600 }, 3_600],
  ])('with %j gives a token for %d s', async (body, seconds) => {
    const response = await ask(body);
    expect([response.status, response.get('Cache-Control')]).toEqual([201, 'no-store']);
    const { token, expiresAt, ...rest } = response.body as { token: string; expiresAt: string };
    expect([token, rest]).toEqual([expect.stringMatching(/^hjt_/), {}]);
    expect(Math.abs(Date.parse(expiresAt) - Date.now() - seconds * 1_000)).toBeLessThan(30_000);
  });

  test.each([{ ttlSeconds: 0 }, { ttlSeconds: 3_601 }, { ttlSeconds: 1.5 }, { ttlSeconds: '1' }, { scopes: ['admin'] }])(
    'refuses %j',
    async (body) => {
      expect(await ask(body)).toMatchObject(problem(400, 'invalid_request'));
    },
  );

  test("gives none for a job that is unknown or another tenant's", async () => {
    for (const id of [foreign.id, newJobId('report', 'acme'), 'x']) expect(await ask({}, { id })).toMatchObject(problem(404, 'not_found'));
  });

  test('gives none to a key that may not read', async () => {
    for (const scope of ['submit', 'operate'] as const) {
      api.keys.add(`hk_may_${scope}`, { scopes: [scope] });
      expect(await ask({}, { key: `hk_may_${scope}` })).toMatchObject(problem(403, 'insufficient_scope'));
    }
  });
});

describe('a token of one job', () => {
  test('reads the job, its explanation and its events', async () => {
    const token = await tokenOf();
    const [own, withKey] = [await api.agent(token).get(`/v1/jobs/${job.id}`), await api.agent().get(`/v1/jobs/${job.id}`)];
    expect([own.status, own.body]).toEqual([200, withKey.body]);
    expect((await api.agent(token).head(`/v1/jobs/${job.id}`)).status).toBe(200);
    expect((await api.agent(token).get(`/v1/jobs/${job.id}/explain`)).status).toBe(200);
    expect((await (await followed(token)).next('status')).data).toEqual(own.body);
  });

  test('follows the events in the address, too, as EventSource has to', async () => {
    const token = await tokenOf();
    const sent = { method: 'GET', path: `/v1/jobs/${job.id}/events?access_token=${token}`, headers: {}, body: undefined };
    const { status, headers } = await exchange(api.port, sent);
    expect([status, headers.get('Content-Type'), headers.get('Cache-Control')]).toEqual([
      200,
      'text/event-stream; charset=utf-8',
      'no-store',
    ]);
    expect(JSON.stringify(api.answers)).not.toContain('hjt_');
  });

  test('is taken in the address of the events only, and an API key not even there', async () => {
    const token = await tokenOf();
    for (const path of [`/v1/jobs/${job.id}`, `/v1/jobs/${job.id}/explain`, '/v1/jobs'])
      expect(await api.anonymous().get(`${path}?access_token=${token}`)).toMatchObject(unauthorized);
    for (const query of [`access_token=${keys.acme}`, `access_token=${token}&access_token=${token}`, 'access_token=', `token=${token}`])
      expect(await api.anonymous().get(`/v1/jobs/${job.id}/events?${query}`)).toMatchObject(unauthorized);
    // The header counts when there are both.
    expect(await api.agent('hk_wrong').get(`/v1/jobs/${job.id}/events?access_token=${token}`)).toMatchObject(unauthorized);
  });

  test('is worth nothing at any other operation', async () => {
    const token = await tokenOf();
    // Those that take no key at all take none of these either.
    const operations = operationsOf(openApiDocument() as OpenApi).filter(
      ({ path, security }) => path.startsWith('/v1/') && security.length > 0,
    );
    const passed: string[] = [];
    for (const { method, path } of operations) {
      const sent = { method: method.toUpperCase(), path: path.replaceAll(/\{\w+\}/g, job.id), body: undefined };
      const { status } = await exchange(api.port, { ...sent, headers: { Authorization: `Bearer ${token}` } });
      if (status !== 403) passed.push(`${method} ${path} ${String(status)}`);
    }
    expect(passed.sort()).toEqual(['get /v1/jobs/{id} 200', 'get /v1/jobs/{id}/events 200', 'get /v1/jobs/{id}/explain 200']);
    const described = operations.filter(({ security }) => security.some((scheme) => 'jobToken' in scheme));
    expect(described.map(({ method, path }) => `${method} ${path} 200`).sort()).toEqual(passed.sort());
  });

  test('does not tell other jobs from unknown ones', async () => {
    const token = await tokenOf();
    for (const id of [another.id, foreign.id, newJobId('report', 'acme'), 'x', `${job.id}x`, job.id.toUpperCase()])
      for (const below of ['', '/events', '/explain'])
        expect([id, await api.agent(token).get(`/v1/jobs/${id}${below}`)]).toEqual([
          id,
          expect.objectContaining(problem(404, 'not_found')),
        ]);
  });

  test('ends with its time', async () => {
    const caller = await api.keys.callerOf(keys.acme);
    if (caller === undefined) throw new Error('There is no such key');
    const at = (seconds: number) => jobToken(tenantKeys, caller, job.id, Math.floor(Date.now() / 1_000) + seconds);
    expect((await api.agent(await at(60)).get(`/v1/jobs/${job.id}`)).status).toBe(200);
    const response = await api.agent(await at(0)).get(`/v1/jobs/${job.id}`);
    expect(response).toMatchObject(unauthorized);
    expect(response.get('WWW-Authenticate')).toContain('error="invalid_token"');
  });

  test('that we did not make, or somebody changed, is refused', async () => {
    const token = await tokenOf();
    const [prefix = '', jobId = '', expires = '', signature = ''] = token.split('.');
    const otherKey = api.keys.add('hk_second_of_acme');
    const forged = [
      [prefix, another.id, expires, signature],
      [prefix, jobId, String(Number(expires) + 1), signature],
      [prefix, jobId, `0${expires}`, signature],
      [`hjt_${otherKey}`, jobId, expires, signature],
      [`hjt_${(await api.keys.list('other'))[0]?.id ?? ''}`, jobId, expires, signature],
      [prefix, jobId, expires, signature.slice(1)],
      [prefix, jobId, expires, `${signature}A`],
      [prefix, jobId, expires, `${signature.startsWith('A') ? 'B' : 'A'}${signature.slice(1)}`],
      [prefix, jobId, expires],
      [prefix, jobId, '', signature],
      [prefix, jobId, expires, signature, ''],
      ['hjt_'],
      // Every other last character: in base64url four of them stand for the same bytes.
      ...Array.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_')
        .filter((last) => !token.endsWith(last))
        .map((last) => [prefix, jobId, expires, signature.slice(0, -1) + last]),
    ].map((parts) => parts.join('.'));
    for (const bad of forged) expect([bad, (await api.agent(bad).get(`/v1/jobs/${job.id}`)).status]).toEqual([bad, 401]);
    expect((await api.agent(token).get(`/v1/jobs/${job.id}`)).status).toBe(200);
  });

  test('of an unknown key makes us compute, and store, nothing', async () => {
    const mac = jest.spyOn(tenantKeys, 'mac');
    const forged = `hjt_key_${'f'.repeat(26)}.${job.id}.9999999999.${'A'.repeat(43)}`;
    expect(await api.agent(forged).get(`/v1/jobs/${job.id}`)).toMatchObject(unauthorized);
    expect(mac).not.toHaveBeenCalled();
    mac.mockRestore();
  });

  test('ends with the key that asked for it, and counts where that one counts', async () => {
    const id = api.keys.add('hk_brief', { scopes: ['read'] });
    const token = await tokenOf('hk_brief');
    expect((await api.agent(token).get(`/v1/jobs/${job.id}`)).status).toBe(200);
    await api.keys.revoke('acme', id);
    expect(await api.agent(token).get(`/v1/jobs/${job.id}`)).toMatchObject(unauthorized);
    api.keys.add('hk_development', { localOnly: true });
    const local = api.agent(await tokenOf('hk_development'));
    expect((await local.get(`/v1/jobs/${job.id}`)).status).toBe(200);
    expect(await local.get(`/v1/jobs/${job.id}`).set('X-Forwarded-For', '192.0.2.7')).toMatchObject(unauthorized);
  });

  test('takes no stream from the key that asked for it', async () => {
    const token = await tokenOf();
    for (let i = 0; i < 2; i++) await (await followed(token)).next('status');
    expect((await followed(token)).response.statusCode).toBe(429);
    await (await followed(keys.acme)).next('status');
  });
});

describe('an open event stream', () => {
  test.each(['a token', 'an API key'])('ends when %s is no longer valid, and goes on with another', async (what) => {
    const id = api.keys.add('hk_brief', { scopes: keyScopes });
    const [ending, staying] = [await followed(what === 'a token' ? await tokenOf('hk_brief') : 'hk_brief'), await followed(keys.acme)];
    for (const client of [ending, staying]) await client.next('status');
    await api.keys.revoke('acme', id);
    await ending.ended();
    expect(ending.events.map(({ event }) => event)).toEqual(['status']);
    api.jobs.get = () => Promise.resolve({ ...job, status: 'completed', result: { rows: 0, files: [] } });
    await staying.next('done');
  });

  test('goes on while nobody can tell whether the key is still valid', async () => {
    const client = await followed(keys.acme);
    await client.next('status');
    const asked = jest.spyOn(api.keys, 'callerOf').mockRejectedValue(new Error('Away'));
    await eventually(
      () => {
        expect(asked.mock.calls.length).toBeGreaterThan(3);
      },
      { every: 10 },
    );
    api.jobs.get = () => Promise.resolve({ ...job, status: 'completed', result: { rows: 0, files: [] } });
    expect((await client.next('done')).data).toMatchObject({ status: 'completed' });
  });
});
