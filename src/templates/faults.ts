import { LiquidError } from 'liquidjs';

import { AppError, type FieldError, invalid } from '../errors.ts';
import type { PartName } from './liquid.ts';

/** A template that can not be taken, at one place of the request. */
export const unusable = (pointer: string, detail: string): AppError => invalid(pointer, detail, 'template_invalid');

export function allUnusable(errors: FieldError[]): AppError {
  const [first] = errors;
  return new AppError('template_invalid', first === undefined ? 'The template can not be used.' : `${first.pointer}: ${first.detail}`, {
    errors,
  });
}

/** Our own words and limits, and Liquid's about what stands in the template. Others may name what it was filled with. */
const tellable = /^(undefined variable|memory alloc limit|template render limit|an object has no text|a text to search for|the result)/;
const maxExcerpt = 80;

const placeOf = ({ token }: LiquidError) => {
  const [line, column] = token.getPosition();
  return `line ${String(line)}, column ${String(column)}`;
};
const excerptOf = ({ token }: LiquidError) => token.getText().slice(0, maxExcerpt);

const isOverflow = (error: unknown): boolean =>
  error instanceof RangeError || (LiquidError.is(error) && error.originalError instanceof RangeError);

/** What stands in the template only, never what it was filled with. */
function reasonOf(error: unknown): string {
  if (isOverflow(error)) return 'is nested too deep';
  if (!LiquidError.is(error)) return 'can not be rendered';
  const cause = error.originalError ?? error;
  if (error.name === 'UndefinedVariableError') return `undefined variable ${excerptOf(error)} (${placeOf(error)})`;
  const own = tellable.test(cause.message) ? cause.message : 'can not be evaluated';
  return `${own}: ${excerptOf(error)} (${placeOf(error)})`;
}

export interface Failure {
  part: PartName;
  reason: string;
}

/** What went wrong while a part was rendered. */
export const failureOf = (part: PartName, error: unknown): Failure => ({ part, reason: reasonOf(error) });

/** Of our own. */
export class TooLong extends Error {}

/** The parser speaks of the template only. */
export function syntaxFault(error: unknown): string {
  if (error instanceof TooLong) return error.message;
  if (isOverflow(error)) return 'is nested too deep';
  if (!LiquidError.is(error)) return 'is no valid Liquid';
  const words = (error.originalError ?? error).message.replace(/, line:\d+, col:\d+$/, '');
  return `${placeOf(error)}: ${words.slice(0, 200)}`;
}
