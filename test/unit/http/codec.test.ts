import { describe, expect, test } from '@jest/globals';

import { AppError } from '../../../src/errors.ts';
import { tenantTag } from '../../../src/jobs/ids.ts';
import { keys, testApi } from '../../support/api.ts';

const ui = 'http://127.0.0.1:8233';
const secret = 'of-the-web-ui-of-npm-start';
const api = testApi({ edges: { codecOrigins: ['https://temporal.example.com'], devCodec: { secret, tenant: 'acme', origin: ui } } });
const payload = { metadata: { encoding: 'anNvbi9wbGFpbg==' }, data: 'IkhpIg==' };
const problem = (status: number, code: string) => ({ status, body: expect.objectContaining({ code }) as unknown });

describe('POST /v1/codec/decode', () => {
  test('decodes for the tenant of the key, in the namespace that is named', async () => {
    const asked: unknown[] = [];
    api.payloads.decode = (_payloads, of) => {
      asked.push(of);
      return Promise.resolve([payload]);
    };
    const answer = await api
      .agent()
      .post('/v1/codec/decode')
      .set('X-Namespace', 'other')
      .send({ payloads: [payload] });
    await api
      .agent(keys.other)
      .post('/v1/codec/decode')
      .send({ payloads: [payload] });
    expect([answer.status, answer.get('Cache-Control'), answer.body]).toEqual([200, 'no-store', { payloads: [payload] }]);
    expect(asked).toEqual([
      { tenantTag: tenantTag('acme'), namespace: 'other' },
      { tenantTag: tenantTag('other'), namespace: 'default' },
    ]);
  });

  test('takes what Temporal sends: payloads without data, and fields that we do not know', async () => {
    const body = { payloads: [{ metadata: { encoding: 'YmluYXJ5L251bGw=' }, externalPayloads: [] }] };
    expect(await api.agent().post('/v1/codec/decode').send(body)).toMatchObject({ status: 200 });
  });

  test('refuses a caller without a key, with a wrong one, and what can not be read', async () => {
    api.payloads.decode = () => Promise.reject(new AppError('payload_unreadable', 'No.'));
    expect(
      await api
        .anonymous()
        .post('/v1/codec/decode')
        .send({ payloads: [payload] }),
    ).toMatchObject(problem(401, 'unauthorized'));
    expect(
      await api
        .agent('hk_wrong')
        .post('/v1/codec/decode')
        .send({ payloads: [payload] }),
    ).toMatchObject(problem(401, 'unauthorized'));
    expect(
      await api
        .agent()
        .post('/v1/codec/decode')
        .send({ payloads: [payload] }),
    ).toMatchObject(problem(403, 'payload_unreadable'));
  });

  test.each([[{}], [{ payloads: 'x' }], [{ payloads: [{ data: '%' }] }], [{ payloads: [{ metadata: { encoding: 7 } }] }]])(
    'refuses %j',
    async (body) => {
      expect(await api.agent().post('/v1/codec/decode').send(body)).toMatchObject(problem(400, 'invalid_request'));
    },
  );

  test('is no oracle: nothing is encrypted for anybody', async () => {
    expect(
      await api
        .agent()
        .post('/v1/codec/encode')
        .send({ payloads: [payload] }),
    ).toMatchObject(problem(404, 'not_found'));
  });
});

describe('a page that asks to decrypt', () => {
  const preflight = (path: string, origin: string) =>
    api
      .anonymous()
      .options(path)
      .set({ Origin: origin, 'Access-Control-Request-Method': 'POST', 'Access-Control-Request-Headers': 'x-namespace' });

  test('may come from the very origins that are configured, and may name the namespace', async () => {
    const allowed = await preflight('/v1/codec/decode', 'https://temporal.example.com');
    expect([allowed.status, allowed.get('Access-Control-Allow-Origin')]).toEqual([204, 'https://temporal.example.com']);
    expect(allowed.get('Access-Control-Allow-Headers')).toContain('X-Namespace');
    for (const origin of ['https://temporal.example.com.evil.example', 'http://temporal.example.com', 'null', ui])
      expect((await preflight('/v1/codec/decode', origin)).get('Access-Control-Allow-Origin')).toBeUndefined();
    expect((await preflight('/v1/jobs', 'https://temporal.example.com')).get('Access-Control-Allow-Origin')).toBeUndefined();
  });

  test('is the Web UI of `npm start`: it knows an address that nobody else knows, and needs no key', async () => {
    const asked: unknown[] = [];
    api.payloads.decode = (_payloads, of) => {
      asked.push(of);
      return Promise.resolve([payload]);
    };
    const path = `/dev/codec/${secret}/decode`;
    expect((await preflight(path, ui)).get('Access-Control-Allow-Origin')).toBe(ui);
    expect((await preflight(path, 'http://127.0.0.1:9999')).get('Access-Control-Allow-Origin')).toBeUndefined();
    const answer = await api
      .anonymous()
      .post(path)
      .set('Origin', ui)
      .send({ payloads: [payload] });
    expect([answer.status, answer.get('Access-Control-Allow-Origin'), answer.body]).toEqual([200, ui, { payloads: [payload] }]);
    expect(asked).toEqual([{ tenantTag: tenantTag('acme'), namespace: 'default' }]);
    expect(
      await api
        .anonymous()
        .post('/dev/codec/guess/decode')
        .send({ payloads: [payload] }),
    ).toMatchObject(problem(404, 'not_found'));
    expect(JSON.stringify(api.answers)).not.toContain(secret);
    expect(api.audit.entries).toMatchObject([
      { tenant: 'acme', actor: 'dev:web-ui', action: 'payload.decode', target: null, details: { payloads: 1 } },
    ]);
  });
});
