import { describe, expect, test } from '@jest/globals';

import { testApi } from '../../support/api.ts';

const api = testApi();

describe('GET /v1/mail-providers', () => {
  test('shows the ways on which mail leaves, how they do, and how fast they may', async () => {
    api.mailProviders = [
      { name: 'main', kind: 'resend', circuit: 'open', rates: { perSecond: 14, bulkPerSecond: 0 } },
      { name: 'spare', kind: 'smtp', circuit: null, rates: { perSecond: null, bulkPerSecond: null } },
    ];
    const response = await api.agent().get('/v1/mail-providers');
    expect([response.status, response.get('Cache-Control')]).toEqual([200, 'no-store']);
    expect(response.body).toEqual({
      items: [
        { name: 'main', kind: 'resend', circuit: 'open', perSecond: 14, bulkPerSecond: 0 },
        { name: 'spare', kind: 'smtp', circuit: null, perSecond: null, bulkPerSecond: null },
      ],
    });
  });

  test('is all there is: rates are those of all tenants, so that no key of one can change them', async () => {
    for (const [method, path] of [
      ['put', '/v1/mail-providers/main'],
      ['patch', '/v1/mail-providers/main'],
    ] as const)
      expect((await api.agent()[method](path).send({ perSecond: 1 })).status).toBe(404);
    const put = await api.agent().put('/v1/mail-providers').send({ perSecond: 1 });
    expect([put.status, put.get('Allow')]).toEqual([405, 'GET, HEAD']);
  });
});
