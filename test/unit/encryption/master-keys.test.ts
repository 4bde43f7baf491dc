import { expect, test } from '@jest/globals';
import { randomBytes } from 'node:crypto';

import { createMasterKeys } from '../../../src/encryption/master-keys.ts';

const [one, other] = [randomBytes(32).toString('base64'), randomBytes(32).toString('base64')];
const key = randomBytes(32);

test('a wrapped key comes back, and only for its own context', async () => {
  const keys = createMasterKeys([one]);
  const wrapped = await keys.wrap(key, 'for acme');
  expect(Buffer.from(await keys.unwrap(wrapped, 'for acme')).equals(key)).toBe(true);
  await expect(keys.unwrap(wrapped, 'for globex')).rejects.toThrow();
  expect(wrapped.wrapped).not.toContain(key.toString('base64'));
});

test('the first key writes, all of them read; without the old one nothing of it can be read', async () => {
  const wrapped = await createMasterKeys([one]).wrap(key, 'x');
  const both = createMasterKeys([other, one]);
  expect(Buffer.from(await both.unwrap(wrapped, 'x')).equals(key)).toBe(true);
  expect((await both.wrap(key, 'x')).masterKeyId).toBe(createMasterKeys([other]).writesWith);
  expect(createMasterKeys([other]).knows(wrapped.masterKeyId)).toBe(false);
  await expect(createMasterKeys([other]).unwrap(wrapped, 'x')).rejects.toThrow('not among the configured ones');
});

test('the name of a key does not tell the key', () => {
  expect(createMasterKeys([one]).writesWith).toMatch(/^[0-9a-f]{16}$/);
  expect(one).not.toContain(createMasterKeys([one]).writesWith);
});
