import { isUtf8 } from 'node:buffer';

import { AppError } from '../errors.ts';

const lineFeed = 0x0a;

/** Hands valid UTF-8 through. @throws AppError `source_unreadable` with the number of the first line that is not. */
export async function* checkedUtf8(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  let line = 1;
  let rest = Buffer.alloc(0);
  for await (const chunk of bytes) {
    const all = Buffer.concat([rest, chunk]);
    const end = all.length - unfinished(all);
    const whole = all.subarray(0, end);
    if (!isUtf8(whole)) throw notUtf8(line + firstBadLine(whole));
    yield whole;
    for (let at = whole.indexOf(lineFeed); at >= 0; at = whole.indexOf(lineFeed, at + 1)) line += 1;
    rest = all.subarray(end);
  }
  if (rest.length > 0) throw notUtf8(line);
}

/** How many bytes at the end begin a character that goes on in the next chunk. */
function unfinished(bytes: Buffer): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back] ?? 0;
    if (byte < 0x80) return 0;
    if (byte < 0xc0) continue;
    const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
    return length > back ? back : 0;
  }
  return 0;
}

/** Counted from 0. No character contains the byte of a line feed, so lines can be judged one by one. */
function firstBadLine(bytes: Buffer): number {
  for (let line = 0, from = 0; ; line++) {
    const to = bytes.indexOf(lineFeed, from);
    if (to < 0 || !isUtf8(bytes.subarray(from, to))) return line;
    from = to + 1;
  }
}

function notUtf8(line: number): AppError {
  return new AppError('source_unreadable', `Line ${String(line)} is not valid UTF-8. Save the file as UTF-8 and send it again.`);
}
