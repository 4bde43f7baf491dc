import type { z } from 'zod';

import { AppError, type FieldError } from '../errors.ts';

const maxErrors = 20;

/** RFC 6901. */
const pointerOf = (path: readonly PropertyKey[]) =>
  path.map((part) => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');

/** Of the alternatives of a union, the one that was most likely meant: it has the fewest faults. */
function errorsOf(issues: readonly z.core.$ZodIssue[], parents: readonly PropertyKey[] = []): FieldError[] {
  return issues.flatMap((issue) => {
    const path = [...parents, ...issue.path];
    if (issue.code === 'unrecognized_keys')
      return issue.keys.map((key) => ({ pointer: pointerOf([...path, key]), detail: 'is not a known field' }));
    if (issue.code === 'invalid_union' && issue.errors.length > 0) {
      const alternatives = issue.errors.map((alternative) => errorsOf(alternative, path));
      const simple = alternatives.every((alternative) => alternative.length === 1 && alternative[0]?.pointer === pointerOf(path));
      if (!simple) return alternatives.reduce((best, other) => (other.length < best.length ? other : best));
    }
    return [{ pointer: pointerOf(path), detail: issue.message }];
  });
}

/** @throws AppError `invalid_request` with a pointer to each fault. */
export function validated<T>(schema: z.ZodType<T>, value: unknown): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const errors = errorsOf(parsed.error.issues).slice(0, maxErrors);
  const [first] = errors;
  throw new AppError(
    'invalid_request',
    first === undefined ? 'The request is not valid.' : `${first.pointer || 'The body'}: ${first.detail}`,
    {
      errors,
    },
  );
}
