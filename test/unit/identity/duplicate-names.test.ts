import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';

import { hasDuplicateNames } from '../../../src/identity/duplicate-names.ts';

describe('names in JSON', () => {
  test.each([
    '{"a":1,"a":2}',
    '{"a":1,"\\u0061":2}',
    '{ "a" : 1 , "b" : {} , "a" : [] }',
    '[{"x":{"a":1,"b":[],"a":1}}]',
    '{"":1,"":2}',
    '{"a\\"b":1,"a\\"b":2}',
    '{"a":"}","a":"{"}',
    '{"__proto__":1,"__proto__":2}',
  ])('that stand twice in one object are found: %s', (json) => {
    expect(hasDuplicateNames(json)).toBe(true);
  });

  test.each([
    '{"a":{"a":{"a":1}},"b":{"a":1}}',
    '[{"a":1},{"a":1}]',
    '["a","a"]',
    '{"a":["a","a"],"b":"a"}',
    '{"a":"\\"a\\":1,\\"a\\":2"}',
    '{}',
    '"a"',
  ])('that stand once in each object are fine: %s', (json) => {
    expect(hasDuplicateNames(json)).toBe(false);
  });

  test('of any value, once written, stand once; with one of them repeated at any depth, twice', () => {
    fc.assert(
      fc.property(fc.json(), fc.string(), fc.json(), fc.boolean(), (value, name, inner, spaced) => {
        const text = JSON.stringify({ [`${name}2`]: JSON.parse(inner) as unknown, list: [JSON.parse(value)] }, undefined, spaced ? 1 : 0);
        expect([text, hasDuplicateNames(text)]).toEqual([text, false]);
        const twice = `{"outer":[{${JSON.stringify(name)}:${value},"other":${inner},${JSON.stringify(name)}:1}]}`;
        expect([twice, name === 'other' || hasDuplicateNames(twice)]).toEqual([twice, true]);
      }),
    );
  });
});
