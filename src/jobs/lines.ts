import { AppError } from '../errors.ts';

export interface Line {
  /** The first one is 1. */
  number: number;
  text: string;
}

const lineFeed = 0x0a;

function tooLong(number: number, maxBytes: number): AppError {
  return new AppError('payload_too_large', `Line ${String(number)} is longer than ${String(maxBytes)} bytes.`);
}

/**
 * Lines of UTF-8 text, ended by LF or CRLF; blank ones are left out, and a byte order mark. Never holds more than one line.
 * Not readline: it breaks lines at U+2028 and U+2029, too, which JSON leaves as they are.
 * @param maxBytes of a line, by its number. @throws AppError `payload_too_large`, `source_unreadable` with the number of the line.
 */
export async function* linesOf(bytes: AsyncIterable<Uint8Array>, maxBytes: (line: number) => number): AsyncGenerator<Line> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let number = 0;
  let parts: Uint8Array[] = [];
  let length = 0;

  function textOf(last: Uint8Array): Line | undefined {
    number += 1;
    const line = parts.length === 0 ? last : Buffer.concat([...parts, last]);
    [parts, length] = [[], 0];
    if (line.byteLength > maxBytes(number)) throw tooLong(number, maxBytes(number));
    try {
      const text = decoder.decode(line).replace(/\r$/, '');
      return text.trim() === '' ? undefined : { number, text };
    } catch {
      throw new AppError('source_unreadable', `Line ${String(number)} is not valid UTF-8.`);
    }
  }

  for await (const chunk of bytes) {
    let from = 0;
    for (let end = chunk.indexOf(lineFeed); end >= 0; end = chunk.indexOf(lineFeed, from)) {
      const line = textOf(chunk.subarray(from, end));
      from = end + 1;
      if (line !== undefined) yield line;
    }
    const rest = chunk.subarray(from);
    length += rest.byteLength;
    if (length > maxBytes(number + 1)) throw tooLong(number + 1, maxBytes(number + 1));
    if (rest.byteLength > 0) parts.push(Buffer.from(rest));
  }
  const last = parts.length === 0 ? undefined : textOf(new Uint8Array());
  if (last !== undefined) yield last;
}
