import { describe, expect, test } from '@jest/globals';

import { ConfigError } from '../../src/config.ts';
import { type ApiKey, keyScopes, maxLifetimeSeconds } from '../../src/jobs/api-keys.ts';
import { keyOrderOf, keyTable } from '../../src/keys-command.ts';

describe('handoff keys create', () => {
  test('makes a key of the default tenant that may do all but manage keys, unless told otherwise', () => {
    expect(keyOrderOf({})).toEqual({ tenant: 'default', scopes: ['submit', 'read', 'operate'] });
  });

  test('takes tenant, scopes, expiry and name', () => {
    expect(keyOrderOf({ tenant: 'acme', scopes: 'read, submit,read', expires: '90d', name: 'web shop' })).toEqual({
      tenant: 'acme',
      scopes: ['submit', 'read'],
      lifetimeSeconds: 90 * 86_400,
      name: 'web shop',
    });
  });

  test('knows the scopes, and the longest lifetime, that HTTP knows', () => {
    expect(keyOrderOf({ scopes: keyScopes.join(',') }).scopes).toEqual(keyScopes);
    expect(keyOrderOf({ expires: '3650d' }).lifetimeSeconds).toBe(maxLifetimeSeconds);
  });

  test.each([
    ['30m', 1_800],
    ['12h', 43_200],
    ['1d', 86_400],
  ])('reads --expires %s as %d s', (expires, seconds) => {
    expect(keyOrderOf({ expires }).lifetimeSeconds).toBe(seconds);
  });

  test.each([
    { tenant: 'Acme' },
    { tenant: '' },
    { scopes: '' },
    { scopes: 'read,write' },
    ...['', '0d', '90', 'd', '1y', '-1d', '3651d', '1.5d', '9999999d'].map((expires) => ({ expires })),
    { name: '' },
    { name: 'a\nb' },
    { name: 'a\u2028b' },
    { name: 'x'.repeat(101) },
  ])('refuses %j', (options) => {
    expect(() => keyOrderOf(options)).toThrow(ConfigError);
  });
});

test('handoff keys list shows a line for each key, and its state', () => {
  const at = (day: number) => new Date(Date.UTC(2026, 10, day, 12, 30));
  const key = (changes: Partial<ApiKey>): ApiKey => ({
    ...{ id: 'key_1', name: null, prefix: 'hk_abcd', scopes: ['read'], createdAt: at(1) },
    ...{ expiresAt: null, revokedAt: null, lastUsedAt: null, requestsPerMinute: null },
    ...changes,
  });
  const keys = [
    key({ name: 'web shop', lastUsedAt: at(21) }),
    key({ id: 'key_22', expiresAt: at(22), scopes: ['submit', 'read'] }),
    key({ expiresAt: at(23), revokedAt: at(2), name: 'a\u009b31mb' }),
  ];
  expect(keyTable(keys, at(22).getTime()).split('\n')).toEqual([
    'ID      KEY       STATE    SCOPES       CREATED           EXPIRES           LAST USED         NAME',
    'key_1   hk_abcd…  valid    read         2026-11-01 12:30  -                 2026-11-21 12:30  web shop',
    'key_22  hk_abcd…  expired  submit,read  2026-11-01 12:30  2026-11-22 12:30  -                 -',
    'key_1   hk_abcd…  revoked  read         2026-11-01 12:30  2026-11-23 12:30  -                 a?31mb',
  ]);
});
