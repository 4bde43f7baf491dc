import { expect, test } from '@jest/globals';
import fc from 'fast-check';

import { hashLabel, hashLabels } from '../../../src/jobs/labels.ts';
import { labelKey } from '../../../src/jobs/options.ts';
import { tenantKeys } from '../../support/api.ts';

test('a label is hashed the same wherever it is given, and fits a search attribute', async () => {
  const hashes = await hashLabels(tenantKeys, 'acme', { order: '42', customer: 'ada' });
  expect(hashes).toEqual([await hashLabel(tenantKeys, 'acme', 'order', '42'), await hashLabel(tenantKeys, 'acme', 'customer', 'ada')]);
  for (const hash of hashes) expect(hash).toMatch(/^[A-Za-z0-9_-]{22}$/);
  expect(hashes.join()).not.toContain('42');
});

test('equal labels of two tenants do not look equal', async () => {
  expect(await hashLabel(tenantKeys, 'acme', 'order', '42')).not.toBe(await hashLabel(tenantKeys, 'other', 'order', '42'));
});

test('two different labels never have one hash', async () => {
  const label = fc.tuple(fc.stringMatching(/^[a-z]{1,3}$/), fc.string({ unit: fc.constantFrom('=', ':', 'a', 'b'), maxLength: 4 }));
  await fc.assert(
    fc.asyncProperty(label, label, async ([key, value], [otherKey, otherValue]) => {
      const same = (await hashLabel(tenantKeys, 'acme', key, value)) === (await hashLabel(tenantKeys, 'acme', otherKey, otherValue));
      expect(same).toBe(key === otherKey && value === otherValue);
    }),
  );
  // What that rests on.
  for (const key of ['a=b', 'a:b']) expect(labelKey.safeParse(key).success).toBe(false);
});
