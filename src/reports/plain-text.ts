import type { CsvDialect } from '../jobs/report-sources.ts';
import { unwritable } from './rows.ts';
import { headOf } from './unpacked.ts';
import { checkedUtf8 } from './utf8.ts';

type Encoding = NonNullable<CsvDialect['encoding']>;

const marks: readonly [string, Encoding][] = [
  ['efbbbf', 'utf-8'],
  ['fffe', 'utf-16le'],
  ['feff', 'utf-16be'],
];

/** UTF-8 without a byte order mark. The mark decides before what was said; without both it is taken for UTF-8. @throws AppError `source_unreadable` with the line */
export async function* asUtf8(bytes: AsyncIterable<Uint8Array>, said: Encoding | undefined): AsyncGenerator<Uint8Array> {
  const { head, all } = await headOf(bytes, 3);
  const [mark, marked] = marks.find(([start]) => head.toString('hex').startsWith(start)) ?? ['', undefined];
  const encoding = marked ?? said ?? 'utf-8';
  const text = without(mark.length / 2, all);
  yield* encoding === 'utf-8' ? checkedUtf8(text) : transcoded(text, encoding);
}

async function* without(count: number, bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let left = count;
  for await (const chunk of bytes) {
    yield chunk.subarray(left);
    left = Math.max(0, left - chunk.length);
  }
}

async function* transcoded(bytes: AsyncIterable<Uint8Array>, encoding: Encoding): AsyncGenerator<Uint8Array> {
  const decoder = new TextDecoder(encoding, { fatal: true, ignoreBOM: true });
  let line = 1;
  const decode = (chunk?: Uint8Array): Buffer => {
    try {
      const text = Buffer.from(decoder.decode(chunk, { stream: chunk !== undefined }));
      for (const byte of text) if (byte === 0x0a) line += 1;
      return text;
    } catch {
      throw unwritable(`Near line ${String(line)} the file is not valid ${encoding}.`);
    }
  };
  // A large piece would become three times as large at once.
  for await (const chunk of bytes) for (let at = 0; at < chunk.length; at += 65_536) yield decode(chunk.subarray(at, at + 65_536));
  yield decode();
}

/** Hands text through. @throws AppError `source_unreadable` for NUL and for lines of more bytes, with the line */
export async function* checkedLines(bytes: AsyncIterable<Uint8Array>, maxLineBytes: number): AsyncGenerator<Uint8Array> {
  let line = 1;
  let length = 0;
  for await (const chunk of bytes) {
    const nul = chunk.indexOf(0);
    let from = 0;
    const check = (to: number) => {
      if (nul >= from && nul < to) throw unwritable(`Line ${String(line)} has a NUL character.`);
      length += to - from;
      if (length > maxLineBytes)
        throw unwritable(
          `Line ${String(line)} is longer than ${String(maxLineBytes / 1024 / 1024)} MiB; a line end or a closing quote may be missing.`,
        );
    };
    for (let at = chunk.indexOf(0x0a); at >= 0; at = chunk.indexOf(0x0a, from)) {
      check(at);
      line += 1;
      length = 0;
      from = at + 1;
    }
    check(chunk.length);
    yield chunk;
  }
}

/** Hands JSON through. The engine takes an array that is cut off between two values for a whole one. @throws AppError `source_unreadable` */
export async function* checkedArray(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let [first, last] = ['', ''];
  for await (const chunk of bytes) {
    const text = Buffer.from(chunk).toString('latin1').trim();
    first ||= text.charAt(0);
    last = text.at(-1) ?? last;
    yield chunk;
  }
  if (first === '[' && last !== ']') throw unwritable('The file ends before its array does.');
}
