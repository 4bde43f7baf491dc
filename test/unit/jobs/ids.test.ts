import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';

import { fileIdFor, limitIdFor, newJobId, prefixOfOwnId, tenantTag } from '../../../src/jobs/ids.ts';
import { allJobTypes } from '../../../src/jobs/registry.ts';

const types = fc.constantFrom(...allJobTypes.map(({ type }) => type));

describe('a job id', () => {
  test('stays what it is: a changed one would make a repeated submission a second job', () => {
    expect(newJobId('email', 'acme', 'order-42')).toBe('email_g3myvdsxszvrwaunkwff5safvi');
  });

  test('is type, underscore, the tag of the tenant and 20 characters of lower-case base 32', () => {
    fc.assert(
      fc.property(types, fc.string(), fc.option(fc.string(), { nil: undefined }), (type, tenant, key) => {
        const id = newJobId(type, tenant, key);
        expect(id).toMatch(/^[a-z]+_[a-z2-7]{26}$/);
        expect(id.startsWith(`${type}_${tenantTag(tenant)}`)).toBe(true);
      }),
    );
  });

  test('is the same for the same tenant, type and key, and another one for any other', () => {
    const one = fc.tuple(types, fc.string(), fc.string());
    fc.assert(
      fc.property(one, one, (a, b) => {
        expect(newJobId(...a)).toBe(newJobId(...a));
        fc.pre(a.some((part, index) => part !== b[index]));
        expect(newJobId(...a)).not.toBe(newJobId(...b));
      }),
    );
  });

  test('is not shared by pairs that only join to the same text', () => {
    expect(newJobId('email', 'ab', 'c').slice(12)).not.toBe(newJobId('email', 'a', 'bc').slice(12));
  });

  test('is random without a key', () => {
    expect(new Set(Array.from({ length: 1_000 }, () => newJobId('email', 'acme'))).size).toBe(1_000);
  });

  test('uses every character of the alphabet, so that all bits count', () => {
    const seen = new Set(Array.from({ length: 500 }, () => newJobId('email', 'acme').slice(-20)).join(''));
    expect([...seen].sort().join('')).toBe('234567abcdefghijklmnopqrstuvwxyz');
  });

  test('does not show the tenant', () => {
    expect(newJobId('email', 'acme', 'key')).not.toContain('acme');
    expect(tenantTag('acme')).not.toBe(tenantTag('acmf'));
  });
});

describe('a file id', () => {
  test('is the same for the same job and role, in the same shape, with the same tag', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), fc.string(), (tenant, role, otherRole) => {
        const jobId = newJobId('upload', tenant, 'k');
        const id = fileIdFor(jobId, role);
        expect(id).toMatch(/^file_[a-z2-7]{26}$/);
        expect(id.slice(5, 11)).toBe(tenantTag(tenant));
        expect(fileIdFor(jobId, role)).toBe(id);
        fc.pre(role !== otherRole);
        expect(fileIdFor(jobId, otherRole)).not.toBe(id);
      }),
    );
  });
});

describe('prefixOfOwnId', () => {
  test('gives the type for an own id', () => {
    fc.assert(
      fc.property(types, fc.string(), (type, tenant) => {
        expect(prefixOfOwnId(newJobId(type, tenant), tenant)).toBe(type);
      }),
    );
  });

  test("gives nothing for another tenant's", () => {
    fc.assert(
      fc.property(types, fc.string(), fc.string(), (type, tenant, other) => {
        fc.pre(tenantTag(tenant) !== tenantTag(other));
        expect(prefixOfOwnId(newJobId(type, tenant), other)).toBeUndefined();
      }),
    );
  });

  const own = newJobId('email', 'acme', 'k');
  test.each([
    '',
    'email',
    'email_',
    own.slice(0, -1),
    `${own}a`,
    ` ${own}`,
    `${own}\n`,
    own.toUpperCase(),
    own.replace('_', '-'),
    `${own}/../x`,
    own.replace(/.$/, '1'),
  ])('gives nothing for %j', (id) => {
    expect(prefixOfOwnId(id, 'acme')).toBeUndefined();
  });

  test('gives nothing for any string that is no id', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (id, tenant) => {
        expect(prefixOfOwnId(id, tenant)).toBeUndefined();
      }),
    );
  });
});

test("the Workflow Id of a limit is one for each tenant and type, carries the tenant's tag, and is no job's", () => {
  expect(limitIdFor('acme', 'email')).toMatch(/^slots_[a-z2-7]{26}$/);
  expect(limitIdFor('acme', 'email').slice(6, 12)).toBe(tenantTag('acme'));
  expect(new Set([limitIdFor('acme', 'email'), limitIdFor('acme', 'report'), limitIdFor('other', 'email')]).size).toBe(3);
  expect(allJobTypes.map(({ type }) => type)).not.toContain(prefixOfOwnId(limitIdFor('acme', 'email'), 'acme'));
});
