import { describe, expect, test } from '@jest/globals';
import { createHmac } from 'node:crypto';
import fc from 'fast-check';

import { open, seal } from '../../../src/encryption/aes-gcm.ts';
import { normalisedAddress } from '../../../src/jobs/recipient.ts';
import type { TenantKeys } from '../../../src/jobs/tenant-keys.ts';
import { createUnsubscribeTokens } from '../../../src/jobs/unsubscribe-token.ts';

const keysOf = (secret: string): TenantKeys => ({
  mac: (tenant, purpose, value) => Promise.resolve(createHmac('sha256', secret).update(`${tenant} ${purpose} ${value}`).digest()),
});
const tokens = createUnsubscribeTokens(keysOf('ours'), { open, seal });
const ada = { tenant: 'acme', address: 'ada@example.com' };

describe('a token to unsubscribe', () => {
  test('says whose mail and which address, for whoever made it, and is the same each time', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ minLength: 1, maxLength: 63 }), fc.emailAddress(), async (tenant, address) => {
        const token = await tokens.make({ tenant, address });
        expect(await tokens.make({ tenant, address: address.toUpperCase() })).toBe(token);
        expect(await tokens.read(token)).toEqual({ tenant, address: normalisedAddress(address) });
      }),
      { numRuns: 50 },
    );
  });

  test('of the longest tenant and address fits into a line of a mail with its URL', async () => {
    const token = await tokens.make({ tenant: 't'.repeat(63), address: `${'a'.repeat(64)}@${'b'.repeat(189)}` });
    expect(token.length).toBeLessThan(600);
  });

  test('tells nobody else the address or the tenant', async () => {
    const token = await tokens.make(ada);
    expect(token).toMatch(/^[\w-]+$/);
    const shown = [token, Buffer.from(token, 'base64url').toString('latin1'), Buffer.from(token, 'base64url').toString('hex')].join(' ');
    for (const secret of ['ada', 'acme', 'example', Buffer.from('ada@').toString('hex'), Buffer.from('ada@').toString('base64url')])
      expect(shown).not.toContain(secret);
  });

  test('that was forged or changed by a single bit is none', async () => {
    const bytes = Buffer.from(await tokens.make(ada), 'base64url');
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const changed = Buffer.from(bytes);
      changed.writeUInt8(changed.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      expect(await tokens.read(changed.toString('base64url'))).toBeUndefined();
    }
    for (const forged of [
      '',
      'x',
      'A'.repeat(100),
      '%00',
      Buffer.from(JSON.stringify(['acme', 'ada@example.com'])).toString('base64url'),
      'A'.repeat(10_000),
    ])
      expect(await tokens.read(forged)).toBeUndefined();
  });

  test('counts in one spelling only, and only where it was made', async () => {
    const token = await tokens.make(ada);
    for (const other of [`${token}=`, `${token}A`, ` ${token}`, token.slice(0, -1)]) expect(await tokens.read(other)).toBeUndefined();
    expect(await createUnsubscribeTokens(keysOf('theirs'), { open, seal }).read(token)).toBeUndefined();
  });

  test('is another one for another tenant or address', async () => {
    const made = await Promise.all(
      [ada, { ...ada, tenant: 'other' }, { ...ada, address: 'bob@example.com' }].map((each) => tokens.make(each)),
    );
    expect(new Set(made.map((token) => token.slice(0, 16))).size).toBe(3);
  });
});
