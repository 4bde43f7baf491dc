import { beforeEach, describe, expect, test } from '@jest/globals';

import type { Caller } from '../../../src/jobs/api-keys.ts';
import { createIdentities, type IdentityOptions, looksLikeJwt, type VerifiedToken } from '../../../src/jobs/identities.ts';
import { isTenant } from '../../../src/jobs/tenants.ts';
import { tenantOf } from '../../../src/keys-command.ts';
import { usualClaims } from '../../support/identities.ts';

let now: number;
let verified: Partial<VerifiedToken> | undefined;
let verifications: number;
beforeEach(() => {
  [now, verified, verifications] = [1_000_000, {}, 0];
});

function identities(changes: Partial<IdentityOptions> = {}) {
  const verify = () => {
    verifications++;
    const usual = {
      issuer: 'https://login.example.com',
      subject: 'ada',
      claims: { tenant: 'acme', scope: 'read' },
      expiresAt: now + 300_000,
    };
    return Promise.resolve(verified && { ...usual, ...verified });
  };
  return createIdentities({ ...usualClaims, verifier: { verify }, now: () => now, ...changes });
}

function callerWith(claims: Record<string, unknown>, names: Partial<IdentityOptions> = {}): Promise<Caller | undefined> {
  verified = { claims };
  return identities(names).callerOf('token');
}

describe('the tenant of an access token', () => {
  test.each([
    ['tenant', { tenant: 'acme' }],
    ['app.tenant', { app: { tenant: 'acme' } }],
    ['a.b.c', { a: { b: { c: 'acme' } } }],
    ['https://example.com/tenant', { 'https://example.com/tenant': 'acme' }],
    ['urn:example:tenant.id', { 'urn:example:tenant.id': 'acme' }],
  ])('is read from the claim %s', async (tenantClaim, claims) => {
    expect(await callerWith(claims, { tenantClaim })).toMatchObject({ tenant: 'acme', localOnly: false });
  });

  test.each([
    ['app.tenant', { 'app.tenant': 'acme' }],
    ['app.tenant', { app: 'acme' }],
    ['app.tenant', { app: null }],
    ['constructor.name', {}],
    ['__proto__.tenant', {}],
    ['app.length', { app: 'acme' }],
    ['tenant.0', { tenant: 'acme' }],
    ['https://example.com/tenant', { 'https://example': { 'com/tenant': 'acme' } }],
  ])('is not read from anywhere else: %s in %j', async (tenantClaim, claims) => {
    expect(await callerWith(claims, { tenantClaim })).toBeUndefined();
  });

  test('follows the same rule as the tenant of a key', () => {
    const names = [
      'acme',
      'a',
      '0',
      'a-b_c',
      'a'.repeat(63),
      'a'.repeat(64),
      '',
      'Acme',
      '-a',
      '_a',
      'a b',
      'a.b',
      'a\n',
      '\na',
      'é',
      ':a',
      'a/b',
    ];
    const taken = (name: string) => {
      try {
        return tenantOf(name) === name;
      } catch {
        return false;
      }
    };
    expect(names.filter(isTenant)).toEqual(names.filter(taken));
    expect(names.filter(isTenant)).toHaveLength(5);
    for (const value of [['acme'], 7, null, undefined, { toString: () => 'acme' }]) expect(isTenant(value)).toBe(false);
  });
});

describe('the scopes of an access token', () => {
  const scopesOf = async (scope: unknown, names: Partial<IdentityOptions> = {}) =>
    (await callerWith({ tenant: 'acme', scope }, names))?.scopes;

  test.each([
    ['submit read', ['submit', 'read']],
    ['openid  admin profile', ['admin']],
    [
      ['read', 'operate', 'other'],
      ['read', 'operate'],
    ],
    [['submit read'], []],
    [[['read'], 7, null], []],
    ['read\tsubmit', []],
    ['READ', []],
    ['handoff:read', []],
    [undefined, []],
    [{ read: true }, []],
    [7, []],
  ])('in %j are %j', async (scope, scopes) => {
    expect(await scopesOf(scope)).toEqual(scopes);
  });

  test('count with their prefix only, when there is one', async () => {
    expect(await scopesOf('handoff:read submit handoff:x', { scopePrefix: 'handoff:' })).toEqual(['read']);
    expect(await scopesOf(['handoff:admin', 'admin'], { scopePrefix: 'handoff:' })).toEqual(['admin']);
  });

  test('are read from the claim that is configured', async () => {
    const claims = { tenant: 'acme', scope: 'admin', realm_access: { roles: ['submit'] } };
    expect((await callerWith(claims, { scopesClaim: 'realm_access.roles' }))?.scopes).toEqual(['submit']);
  });
});

describe('the id of a caller', () => {
  test('is made of issuer and subject, and shows neither', async () => {
    const ids: (string | undefined)[] = [];
    for (const who of [
      {},
      { expiresAt: now + 1 },
      { subject: 'bob' },
      { issuer: 'https://login.example.com/' },
      { issuer: 'https://login.example.coma', subject: 'da' },
    ]) {
      verified = who;
      ids.push((await identities().callerOf('token'))?.keyId);
    }
    for (const id of ids) expect(id).toMatch(/^oidc_[0-9a-f]{26}$/);
    expect(ids[1]).toBe(ids[0]);
    expect(new Set(ids).size).toBe(4);
  });
});

describe('an access token that was verified', () => {
  test('is not verified again for a minute', async () => {
    const callers = identities();
    const first = await callers.callerOf('token');
    now += 59_999;
    expect([await callers.callerOf('token'), verifications]).toEqual([first, 1]);
    now += 1;
    await callers.callerOf('token');
    expect(verifications).toBe(2);
  });

  test('ends with its very time, however fresh it is', async () => {
    verified = { expiresAt: now + 1_000 };
    const callers = identities();
    expect(await callers.callerOf('token')).toMatchObject({ expiresAt: now + 1_000 });
    now += 999;
    expect(await callers.callerOf('token')).toBeDefined();
    verified = undefined;
    now += 1;
    expect(await callers.callerOf('token')).toBeUndefined();
  });

  test('is another one when it differs in one character', async () => {
    const callers = identities();
    await callers.callerOf('token');
    verified = undefined;
    expect(await callers.callerOf('tokem')).toBeUndefined();
  });

  test('is kept among a bounded number', async () => {
    const callers = identities();
    for (let i = 0; i <= 10_000; i++) await callers.callerOf(String(i));
    await callers.callerOf('10000');
    expect(verifications).toBe(10_001);
    await callers.callerOf('0');
    expect(verifications).toBe(10_002);
  });

  test('is not kept when it is refused', async () => {
    verified = undefined;
    const callers = identities();
    for (let i = 0; i < 3; i++) expect(await callers.callerOf('token')).toBeUndefined();
    expect(verifications).toBe(3);
  });
});

test('an access token is known by its three parts, and no API key or token of a job has these', () => {
  for (const text of ['eyJ.eyJ.c2ln', 'a.b.', 'a-_.b.c']) expect([text, looksLikeJwt(text)]).toEqual([text, true]);
  for (const text of [
    'hk_Wm3x',
    'hk_acme_0123456789',
    'a.b',
    'a.b.c.d',
    'a.b.c.d.e',
    '.b.c',
    'a..c',
    'a.b.c=',
    'hjt_key_0.email_a.1.x',
    '',
  ])
    expect([text, looksLikeJwt(text)]).toEqual([text, false]);
});
