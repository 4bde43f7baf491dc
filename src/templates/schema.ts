import { type OutputUnit, Validator } from '@cfworker/json-schema';

import type { FieldError } from '../errors.ts';
import { maxVariablesBytes } from './limits.ts';
import { costOfSchema, type JsonSchema } from './schema-cost.ts';

/** Values times schemas: about a second. */
const maxComparisons = 1_000_000;
const maxFaults = 20;

/** Without a prototype: `constructor` is no property that everything has. @returns the copy, and how many values are in it. */
function bare(value: unknown): { value: unknown; count: number } {
  if (Array.isArray(value)) {
    const items = value.map(bare);
    return { value: items.map((item) => item.value), count: items.reduce((sum, { count }) => sum + count, 1) };
  }
  if (typeof value !== 'object' || value === null) return { value, count: 1 };
  const copy = Object.create(null) as Record<string, unknown>;
  let sum = 1;
  for (const [key, one] of Object.entries(value)) {
    const inner = bare(one);
    copy[key] = inner.value;
    sum += inner.count;
  }
  return { value: copy, count: sum };
}

/** Not a word of what the variables hold: that may be personal data. */
const details: Record<string, string> = {
  false: 'is not one of the variables that the template knows',
  enum: 'is none of the values that it may have',
  const: 'is none of the values that it may have',
};

function detailOf({ keyword, error }: OutputUnit): string {
  const missing = keyword === 'required' ? / property "(.*)"\.$/s.exec(error)?.[1] : undefined;
  if (missing !== undefined) return `${missing} is missing`;
  const type = keyword === 'type' ? /Expected "(.*)"\.$/s.exec(error)?.[1] : undefined;
  if (type !== undefined) return `must be ${type.replaceAll('", "', ' or ')}`;
  return Object.hasOwn(details, keyword) ? String(details[keyword]) : `does not fit its schema (${keyword})`;
}

/** Without those that only say that something within is wrong. */
function preciseOf(errors: OutputUnit[]): OutputUnit[] {
  return errors.filter(({ keyword, keywordLocation }, index) => {
    const next = errors[index + 1];
    if (next === undefined) return true;
    return !(next.keywordLocation.startsWith(`${keywordLocation}/`) || (keyword === 'additionalProperties' && next.keyword === 'false'));
  });
}

/**
 * What of the variables the schema refuses: pointers into the variables, and not a word of what they hold. Interpreted, never
 * compiled: nothing that tenants write becomes code.
 * @param schema one that `costOfSchema` has taken.
 */
export function variableFaults(schema: JsonSchema, variables: Record<string, unknown>): FieldError[] {
  if (Buffer.byteLength(JSON.stringify(variables)) > maxVariablesBytes)
    return [{ pointer: '', detail: `must have at most ${String(maxVariablesBytes)} bytes as JSON` }];
  const { value, count } = bare(variables);
  const checked = costOfSchema(schema);
  if ('faults' in checked || count * checked.cost > maxComparisons)
    return [{ pointer: '', detail: 'has too many values for a schema of this size' }];
  const { valid, errors } = new Validator(structuredClone(schema), '2020-12').validate(value);
  if (valid) return [];
  const faults = preciseOf(errors).map((one) => ({ pointer: decodeURI(one.instanceLocation.slice(1)), detail: detailOf(one) }));
  const unlike = new Map(faults.map((fault) => [`${fault.pointer} ${fault.detail}`, fault]));
  return [...unlike.values()].slice(0, maxFaults);
}
