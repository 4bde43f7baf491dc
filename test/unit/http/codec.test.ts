import { describe, expect, test } from '@jest/globals';

import { AppError } from '../../../src/errors.ts';
import { tenantTag } from '../../../src/jobs/ids.ts';
import { keys, testApi } from '../../support/api.ts';

const api = testApi();
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
