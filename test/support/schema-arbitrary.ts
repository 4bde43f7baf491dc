import fc, { type Arbitrary } from 'fast-check';

/** As much of JSON Schema as our document uses. */
export interface Schema {
  $ref?: string;
  anyOf?: Schema[];
  oneOf?: Schema[];
  type?: string | string[];
  enum?: unknown[];
  const?: unknown;
  properties?: Record<string, Schema>;
  required?: string[];
  additionalProperties?: boolean | Schema;
  propertyNames?: Schema;
  items?: Schema;
  minItems?: number;
  maxItems?: number;
  minLength?: number;
  maxLength?: number;
  minimum?: number;
  maximum?: number;
  pattern?: string;
  format?: string;
  examples?: unknown[];
}

/** Larger values test nothing more, and take longer. */
const most = 5;
const longest = 40;

/** Values that match a schema; lists and texts stay short. */
export function matching(schema: Schema, components: Record<string, Schema>): Arbitrary<unknown> {
  const of = (inner: Schema) => matching(inner, components);
  if (schema.$ref !== undefined) return of(components[schema.$ref.replace('#/components/schemas/', '')] ?? {});
  const alternatives = schema.anyOf ?? schema.oneOf;
  if (alternatives !== undefined) return fc.oneof(...alternatives.map(of));
  if (schema.const !== undefined) return fc.constant(schema.const);
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
  if (Array.isArray(schema.type)) return fc.oneof(...schema.type.map((type) => of({ ...schema, type })));
  switch (schema.type) {
    case 'null':
      return fc.constant(null);
    case 'boolean':
      return fc.boolean();
    case 'integer':
      return fc.integer({ min: schema.minimum ?? -1000, max: Math.min(schema.maximum ?? 100_000, 2 ** 31 - 1) });
    case 'number':
      return fc.double({ min: schema.minimum ?? -1e6, max: schema.maximum ?? 1e6, noNaN: true });
    case 'string':
      return text(schema);
    case 'array': {
      const minLength = schema.minItems ?? 0;
      // Our lists refuse repeated entries, which JSON Schema cannot say of a part of an entry.
      return fc.uniqueArray(of(schema.items ?? {}), {
        minLength,
        maxLength: Math.max(minLength, Math.min(schema.maxItems ?? most, most)),
        selector: (item) => JSON.stringify(item),
      });
    }
    case 'object':
      return record(schema, of);
    case undefined:
    default:
      return fc.jsonValue();
  }
}

function record({ properties = {}, required = [], additionalProperties }: Schema, of: (schema: Schema) => Arbitrary<unknown>) {
  const fields = Object.fromEntries(Object.entries(properties).map(([name, inner]) => [name, of(inner)]));
  const known = fc.record(fields, { requiredKeys: required });
  if (typeof additionalProperties !== 'object') return known;
  const others = fc.dictionary(fc.stringMatching(/^[a-z][a-z0-9]{0,9}$/), of(additionalProperties), { minKeys: 1, maxKeys: most });
  return fc.tuple(others, known).map(([more, some]) => ({ ...more, ...some }));
}

function text({ pattern, format, minLength = 0, maxLength = Infinity }: Schema): Arbitrary<string> {
  if (format === 'date-time')
    return fc.date({ min: new Date('2000-01-01'), max: new Date('2100-01-01'), noInvalidDate: true }).map((date) => date.toISOString());
  if (pattern === undefined) return fc.string({ minLength, maxLength: Math.max(minLength, Math.min(maxLength, longest)) });
  const expression = new RegExp(pattern, 'u');
  // fast-check knows no look-ahead; without it nearly every text still matches the whole.
  const simple = new RegExp(pattern.replaceAll(/\(\?[=!][^()]*\)/g, ''), 'u');
  const fits = (value: string) => expression.test(value) && value.length >= minLength && value.length <= maxLength;
  return fc.stringMatching(simple, { size: 'small' }).filter(fits);
}

/** Names and values that break parsers. */
const odd: Arbitrary<unknown> = fc.oneof(
  fc.constantFrom<unknown>(null, '', -1, 0.5, 1e308, 2 ** 53, true, [], {}, '\u0000', '\ud800', '__proto__', 'a\r\nb: c', 'x'.repeat(3000)),
  fc.jsonValue(),
);

/** The value with one thing wrong in it, or something else altogether. */
export function brokenFrom(valid: Arbitrary<unknown>): Arbitrary<unknown> {
  const damaged = fc.tuple(valid, fc.nat(), odd, fc.constantFrom('replace', 'remove', 'add')).map(([value, at, wrong, how]) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return wrong;
    const names = Object.keys(value);
    const name = names[at % Math.max(1, names.length)] ?? 'unknown';
    const copy = new Map(Object.entries(value));
    if (how === 'remove') copy.delete(name);
    else copy.set(how === 'add' ? 'unknown' : name, wrong);
    return Object.fromEntries(copy);
  });
  return fc.oneof({ weight: 3, arbitrary: damaged }, { weight: 1, arbitrary: odd });
}
