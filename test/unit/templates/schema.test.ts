import { describe, expect, test } from '@jest/globals';

import { costOfSchema, type JsonSchema } from '../../../src/templates/schema-cost.ts';
import { variableFaults } from '../../../src/templates/schema.ts';

const order: JsonSchema = {
  type: 'object',
  properties: {
    name: { type: 'string', maxLength: 5 },
    items: { type: 'array', items: { $ref: '#/$defs/item' } },
    'a/b': { enum: [1] },
    mail: { type: 'string', format: 'email' },
  },
  required: ['name'],
  additionalProperties: false,
  $defs: { item: { type: 'object', properties: { price: { type: 'number' } } } },
};

const faultsOf = (schema: unknown) => {
  const checked = costOfSchema(schema);
  return 'faults' in checked ? checked.faults : [];
};

describe('variables', () => {
  test('that fit are taken', () => {
    expect(variableFaults(order, { name: 'Ada', items: [{ price: 1 }], 'a/b': 1, mail: 'ada@example.com' })).toEqual([]);
  });

  test.each<[string, Record<string, unknown>, string, string]>([
    ['are missing', {}, '', 'name is missing'],
    ['have another type', { name: 5 }, '/name', 'must be string'],
    ['are wrong deep within', { name: 'Ada', items: [{}, { price: 'secret' }] }, '/items/1/price', 'must be number'],
    ['are not known', { name: 'Ada', other: 'secret' }, '/other', 'is not one of the variables that the template knows'],
    ['are none of those allowed', { name: 'Ada', 'a/b': 'secret' }, '/a~1b', 'is none of the values that it may have'],
    ['are too long', { name: 'secret' }, '/name', 'does not fit its schema (maxLength)'],
    ['have another form', { name: 'Ada', mail: 'secret' }, '/mail', 'does not fit its schema (format)'],
  ])('that %s are told by their place, and not by what they are', (_name, variables, pointer, detail) => {
    expect(variableFaults(order, variables)).toEqual([{ pointer, detail }]);
  });

  test('that every object has by itself are not there', () => {
    expect(variableFaults({ required: ['constructor'], properties: { toString: { type: 'string' } } }, {})).toEqual([
      { pointer: '', detail: 'constructor is missing' },
    ]);
  });

  test('that are more than the schema can be compared with in time are refused', () => {
    const slow: JsonSchema = {
      properties: { list: { items: { anyOf: Array.from({ length: 60 }, () => ({ not: { type: 'number' } })) } } },
    };
    expect(variableFaults(slow, { list: Array.from({ length: 100_000 }, () => 1) })).toEqual([
      { pointer: '', detail: 'has too many values for a schema of this size' },
    ]);
    expect(variableFaults(true, { text: 'x'.repeat(300_000) })).toEqual([
      { pointer: '', detail: 'must have at most 262144 bytes as JSON' },
    ]);
  });
});

describe('a schema', () => {
  test.each<[string, unknown, string, RegExp]>([
    ['refers to itself', { $ref: '#/$defs/a', $defs: { a: { $ref: '#/$defs/a' } } }, '/$defs/a/$ref', /refers to itself/],
    [
      'refers to itself by another',
      { $defs: { a: { allOf: [{ $ref: '#/$defs/b' }] }, b: { items: { $ref: '#/$defs/a' } } } },
      '/$defs/b/items/$ref',
      /refers to itself/,
    ],
    ['refers to another document', { $ref: 'http://127.0.0.1/schema.json' }, '/$ref', /must be #\/\$defs/],
    ['refers to a file', { $ref: 'file:///etc/passwd' }, '/$ref', /must be #\/\$defs/],
    ['has an id', { $id: 'http://example.com/' }, '/$id', /is complete/],
    ['has a pattern, which may take for ever', { properties: { a: { pattern: '^(a+)+$' } } }, '/properties/a/pattern', /take for ever/],
    ['has patterns of names', { patternProperties: { '^(a+)+$': true } }, '/patternProperties', /take for ever/],
    ['compares everything with everything', { properties: { a: { uniqueItems: true } } }, '/properties/a/uniqueItems', /too long/],
    ['has a format that is a pattern', { properties: { a: { format: 'regex' } } }, '/properties/a/format', /must be one of/],
    ['has a keyword that nobody knows', { sqlQuery: 'x' }, '/sqlQuery', /no keyword/],
    ['has a keyword with a wrong value', { required: 5 }, '/required', /no value that this keyword takes/],
    ['is of an older draft', { $schema: 'http://json-schema.org/draft-07/schema#' }, '/$schema', /2020-12/],
    ['is no schema', 'x', '', /must be a schema/],
  ])('that %s is refused', (_name, schema, pointer, detail) => {
    expect(faultsOf(schema)[0]).toEqual({ pointer, detail: expect.stringMatching(detail) });
  });

  test('that grows without end when its references are followed is refused', () => {
    const definitions: Record<string, unknown> = { d30: { type: 'string' } };
    for (let i = 0; i < 30; i++) definitions[`d${String(i)}`] = { allOf: Array(2).fill({ $ref: `#/$defs/d${String(i + 1)}` }) };
    expect(faultsOf({ $ref: '#/$defs/d0', $defs: definitions })).toContainEqual(
      expect.objectContaining({ detail: expect.stringMatching(/is too large/) }),
    );
  });

  test('that is nested without end is refused', () => {
    let schema: unknown = { type: 'string' };
    for (let i = 0; i < 5_000; i++) schema = { items: schema };
    expect(faultsOf(schema)).toEqual([expect.objectContaining({ detail: expect.stringMatching(/more than 20 levels/) })]);
  });
});
