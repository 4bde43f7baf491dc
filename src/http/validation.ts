import type { z } from 'zod';

import { AppError, type FieldError, invalid } from '../errors.ts';
import { countLimits } from '../jobs/limits.ts';

const maxErrors = 20;

/** RFC 6901. */
export const pointerOf = (path: readonly PropertyKey[]) =>
  path.map((part) => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');

/** Of the alternatives of a union, the one that was most likely meant: its faults lie deepest, or, when as deep, are fewest. */
function likeliest(alternatives: FieldError[][]): FieldError[] {
  const shallowest = (errors: FieldError[]) => Math.min(...errors.map(({ pointer }) => pointer.split('/').length));
  return alternatives.reduce((best, other) => {
    const deeper = shallowest(other) - shallowest(best);
    return deeper > 0 || (deeper === 0 && other.length < best.length) ? other : best;
  });
}

function errorsOf(issues: readonly z.core.$ZodIssue[], parents: readonly PropertyKey[] = []): FieldError[] {
  return issues.flatMap((issue) => {
    const path = [...parents, ...issue.path];
    if (issue.code === 'unrecognized_keys')
      return issue.keys.map((key) => ({ pointer: pointerOf([...path, key]), detail: 'is not a known field' }));
    if (issue.code === 'invalid_union' && issue.errors.length > 0) {
      const alternatives = issue.errors.map((alternative) => errorsOf(alternative, path));
      const simple = alternatives.every((alternative) => alternative.length === 1 && alternative[0]?.pointer === pointerOf(path));
      if (!simple) return likeliest(alternatives);
    }
    return [{ pointer: pointerOf(path), detail: issue.message }];
  });
}

/** JSON can name a field `__proto__`; zod leaves it out of records without a word, and what is not taken must be refused. */
function protoFields(value: unknown, path: readonly PropertyKey[] = []): FieldError[] {
  if (typeof value !== 'object' || value === null) return [];
  if (Object.hasOwn(value, '__proto__')) return [{ pointer: pointerOf([...path, '__proto__']), detail: 'is not a usable name' }];
  return Object.entries(value).flatMap(([key, inner]) => (typeof inner === 'object' ? protoFields(inner, [...path, key]) : []));
}

/** Levels within one another; our own bodies have six at most. */
const maxDepth = 32;

const isNested = (value: unknown): value is object => typeof value === 'object' && value !== null;

/** What comes after may go into the depth without looking. One level after the other, so that it can't run out of stack itself. */
function assertShallow(value: unknown, path: readonly string[]): void {
  let level = [value].filter(isNested);
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > maxDepth) throw invalid(pointerOf(path), `is nested more than ${String(maxDepth)} levels deep`);
    level = level.flatMap((one) => Object.values(one).filter(isNested));
  }
}

/** Fields whose numbers have a code of their own when they are outside their range. */
const numericRoots = new Set<PropertyKey | undefined>(['options', 'ratePerSecond', ...countLimits, 'concurrentJobs']);

function isOptionOutOfRange({ code, path, ...issue }: z.core.$ZodIssue): boolean {
  const origin = 'origin' in issue ? issue.origin : undefined;
  const outside = (code === 'too_small' || code === 'too_big') && (origin === 'number' || origin === 'int');
  // What JSON.parse makes of 1e400.
  const infinite = code === 'invalid_type' && 'received' in issue && /Infinity$/.test(String(issue.received));
  return numericRoots.has(path[0]) && (outside || infinite);
}

/**
 * @param path of the value within the request.
 * @throws AppError `invalid_request` with a pointer to each fault; `value_out_of_range` when all are numbers in `options`, a rate or limits.
 */
export function validated<T>(schema: z.ZodType<T>, value: unknown, path: readonly string[] = []): T {
  assertShallow(value, path);
  const parsed = schema.safeParse(value);
  const faults = parsed.success ? protoFields(value, path) : errorsOf(parsed.error.issues, path);
  if (parsed.success && faults.length === 0) return parsed.data;
  const errors = faults.slice(0, maxErrors);
  const [first] = errors;
  throw new AppError(
    !parsed.success && parsed.error.issues.every(isOptionOutOfRange) ? 'value_out_of_range' : 'invalid_request',
    first === undefined ? 'The request is not valid.' : `${first.pointer || 'The body'}: ${first.detail}`,
    {
      errors,
    },
  );
}
