import { AppError } from '../errors.ts';

const blank = /[\s]*/y;
const scalar = /[^\s,\]}]+/y;
const text = /"(?:[^"\\]|\\.)*"/sy;

/**
 * The text of the array at an RFC 6901 pointer, as it stands there: parsed and written again, long numbers would change.
 * @throws AppError `source_unreadable`
 */
export function arrayAt(json: string, pointer: string): string {
  let at = 0;
  const match = (pattern: RegExp): string => {
    pattern.lastIndex = at;
    const found = pattern.exec(json)?.[0];
    if (found === undefined) throw broken();
    at += found.length;
    return found;
  };
  const next = (): string => {
    match(blank);
    return json.charAt(at);
  };
  const expect = (...signs: string[]): string => {
    const sign = next();
    if (!signs.includes(sign)) throw broken();
    at += 1;
    return sign;
  };
  /** Moves behind one value, without recursion: nesting may be deep. */
  const skip = (): void => {
    let depth = 0;
    do {
      const sign = next();
      if (sign === '"') match(text);
      else if (sign === '{' || sign === '[') {
        depth += 1;
        at += 1;
      } else if (sign === '}' || sign === ']') {
        depth -= 1;
        at += 1;
      } else if (sign === ',' || sign === ':') at += 1;
      else match(scalar);
      if (at >= json.length && depth > 0) throw broken();
    } while (depth > 0);
  };

  function enter(step: string): void {
    const open = next();
    if (open !== '{' && open !== '[') throw missing();
    at += 1;
    for (let index = 0; ; index++) {
      if (next() === '}' || next() === ']') throw missing();
      const name = open === '{' ? (JSON.parse((next(), match(text))) as string) : String(index);
      if (open === '{') expect(':');
      if (name === step) return;
      skip();
      if (expect(',', '}', ']') !== ',') throw missing();
    }
  }

  for (const part of pointer.split('/').slice(1)) enter(part.replaceAll('~1', '/').replaceAll('~0', '~'));
  if (next() !== '[') throw missing();
  const from = at;
  skip();
  return json.slice(from, at);
}

const broken = () => new AppError('source_unreadable', 'The answer is not valid JSON.');
const missing = () => new AppError('source_unreadable', 'There is no array at the pointer in the answer.');
