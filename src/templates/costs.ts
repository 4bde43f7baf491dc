import { type Context, type Emitter, toValue } from 'liquidjs';

import { maxNeedle, stepCost } from './limits.ts';

export function step(context: Context, steps = 1): void {
  context.memoryLimit.use(steps * stepCost);
  context.renderLimit.check(performance.now());
}

/** A long text to search for would make searching slow. */
export function assertShort(needle: unknown): void {
  if (typeof needle === 'string' && needle.length > maxNeedle)
    throw new Error(`a text to search for has at most ${String(maxNeedle)} characters`);
}

/**
 * Lists in lists cost as much as they are long when they are written down: a list that holds another one twice, which holds
 * another one twice, and so on, is small and has no end.
 */
export function charge(context: Context, made: unknown): void {
  if (!Array.isArray(made)) return;
  const open: unknown[][] = [made];
  for (let list = open.pop(); list !== undefined; list = open.pop()) {
    context.memoryLimit.use(list.length);
    for (const one of list) if (Array.isArray(one)) open.push(one as unknown[]);
  }
}

/** As Liquid does it, but for objects, which have no text. */
export function textOf(value: unknown): string {
  const plain: unknown = toValue(value);
  if (typeof plain === 'string') return plain;
  if (plain === undefined || plain === null) return '';
  if (Array.isArray(plain)) return plain.map(textOf).join('');
  if (typeof plain === 'number' || typeof plain === 'boolean') return String(plain);
  throw new Error('an object has no text');
}

/** What is written costs, too: else a loop could make a text without end of nothing. */
export function countedEmitter(context: Context): Emitter {
  return {
    buffer: '',
    write(value: unknown) {
      const text = textOf(value);
      context.memoryLimit.use(text.length);
      this.buffer += text;
    },
  };
}
