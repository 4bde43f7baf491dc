import { beforeEach, describe, expect, test } from '@jest/globals';
import type { IncomingMessage } from 'node:http';

import { testApi } from '../../support/api.ts';

const api = testApi();

/** Requests seem to come from this address. */
function comeFrom(address: string | undefined): void {
  api.server.prependListener('request', ({ socket }: IncomingMessage) => {
    Object.defineProperty(socket, 'remoteAddress', { configurable: true, value: address });
  });
}

const ask = (key: string, headers: Record<string, string> = {}) => api.agent(key).get('/v1/jobs').set(headers);

describe('the development key', () => {
  beforeEach(() => {
    api.keys.add('hk_development', { localOnly: true });
    api.keys.add('hk_made');
  });

  test.each(['127.0.0.1', '127.8.9.10', '::1', '::ffff:127.0.0.1'])('works from %s', async (address) => {
    comeFrom(address);
    expect((await ask('hk_development')).status).toBe(200);
  });

  test.each(['192.0.2.7', '10.0.0.1', '0.0.0.0', '128.0.0.1', '::', '::2', '::ffff:192.0.2.7', 'fe80::1', undefined])(
    'is refused from %s, where another key works',
    async (address) => {
      comeFrom(address);
      const response = await ask('hk_development');
      expect(response).toMatchObject({ status: 401, body: { code: 'unauthorized' } });
      expect(response.get('WWW-Authenticate')).toBe('Bearer realm="handoff", error="invalid_token"');
      expect((response.body as { detail: string }).detail).toContain('this machine');
      expect((await ask('hk_made')).status).toBe(200);
    },
  );

  test.each([
    ['X-Forwarded-For', '127.0.0.1'],
    ['Forwarded', 'for=192.0.2.7'],
    ['X-Real-IP', '192.0.2.7'],
    ['Via', '1.1 proxy'],
  ])('is refused when it came through a proxy that says so: %s', async (name, value) => {
    expect((await ask('hk_development', { [name]: value })).status).toBe(401);
    expect((await ask('hk_made', { [name]: value })).status).toBe(200);
  });
});
