import { crc32, deflateRawSync, gzipSync } from 'node:zlib';

export interface ZipEntry {
  name: string | Buffer;
  content?: Buffer;
  /** Unix mode, in the upper half of the external attributes. */
  mode?: number;
  /** General purpose flags. */
  flags?: number;
  /** Default: deflate. */
  method?: number;
  /** What the directory tells in place of the truth. */
  told?: { packed?: number; unpacked?: number; name?: string; at?: number };
}

function header(signature: number, fields: [2 | 4, number][]): Buffer {
  const bytes = Buffer.alloc(4 + fields.reduce((sum, [size]) => sum + size, 0));
  bytes.writeUInt32LE(signature);
  let at = 4;
  for (const [size, value] of fields) {
    bytes.writeUIntLE(value, at, size);
    at += size;
  }
  return bytes;
}

/** What both headers of a deflated entry have in common, up to the length of its name; without time and checksum. */
const deflatedAs = (packed: number, unpacked: number, name: Buffer): [2 | 4, number][] => [
  ...[20, 0, 8, 0, 0].map((value): [2, number] => [2, value]),
  [4, 0],
  [4, packed],
  [4, unpacked],
  [2, name.length],
];

/** A ZIP archive byte by byte, so that it can lie. @param end what the last record tells in place of the truth */
export function zipOf(entries: readonly ZipEntry[], end: { count?: number } = {}): Buffer {
  const files: Buffer[] = [];
  const directory: Buffer[] = [];
  let at = 0;
  for (const { name, content = Buffer.from('hello'), mode = 0, flags = 0, method = 8, told = {} } of entries) {
    const raw = Buffer.from(name);
    const packed = method === 8 ? deflateRawSync(content, { level: 9 }) : content;
    const facts = (one: { packed: number; unpacked: number; nameLength: number }): [2 | 4, number][] => [
      ...([
        [2, 20],
        [2, flags],
        [2, method],
        [2, 0],
        [2, 0],
        [4, crc32(content)],
      ] as [2 | 4, number][]),
      ...([
        [4, one.packed],
        [4, one.unpacked],
        [2, one.nameLength],
        [2, 0],
      ] as [2 | 4, number][]),
    ];
    const [toldPacked, toldUnpacked] = [told.packed ?? packed.length, told.unpacked ?? content.length];
    const inDirectory = Buffer.from(told.name ?? raw);
    const local = facts({ packed: toldPacked, unpacked: toldUnpacked, nameLength: raw.length });
    const central = facts({ packed: toldPacked, unpacked: toldUnpacked, nameLength: inDirectory.length });
    directory.push(
      header(0x02014b50, [[2, 0x0314], ...central, [2, 0], [2, 0], [2, 0], [4, mode * 0x10000], [4, told.at ?? at]]),
      inDirectory,
    );
    const file = Buffer.concat([header(0x04034b50, local), raw, packed]);
    files.push(file);
    at += file.length;
  }
  const size = directory.reduce((sum, { length }) => sum + length, 0);
  const count = end.count ?? entries.length;
  const last = header(0x06054b50, [
    [2, 0],
    [2, 0],
    [2, count],
    [2, count],
    [4, size],
    [4, at],
    [2, 0],
  ]);
  return Buffer.concat([...files, ...directory, last]);
}

/**
 * One kernel of packed bytes that all entries share (David Fifield, "A better zip bomb"): each entry holds the local header of the
 * next one as bytes that are not packed, and goes on with what that one holds.
 */
export function overlappingZip(entries: number, kernel: Buffer): Buffer {
  let tail = deflateRawSync(kernel, { level: 9 });
  let unpacked = kernel.length;
  const directory: { name: Buffer; packed: number; unpacked: number; fromEnd: number }[] = [];
  for (let index = entries; index > 0; index -= 1) {
    const name = Buffer.from(String(index));
    const facts: [2 | 4, number][] = [...deflatedAs(tail.length, unpacked, name), [2, 0]];
    const local = Buffer.concat([header(0x04034b50, facts), name]);
    directory.unshift({ name, packed: tail.length, unpacked, fromEnd: local.length + tail.length });
    // A block of deflate that is not the last one, and not packed.
    const quote = Buffer.from([0, local.length, 0, ~local.length & 0xff, 0xff]);
    const whole = Buffer.concat([local, tail]);
    tail = index === 1 ? whole : Buffer.concat([quote, whole]);
    unpacked += local.length;
  }
  const central = directory.flatMap(({ name, packed, unpacked: size, fromEnd }) => [
    header(0x02014b50, [
      [2, 0x0314],
      ...deflatedAs(packed, size, name),
      ...([
        [2, 0],
        [2, 0],
        [2, 0],
        [2, 0],
        [4, 0],
        [4, tail.length - fromEnd],
      ] as [2 | 4, number][]),
    ]),
    name,
  ]);
  const size = central.reduce((sum, { length }) => sum + length, 0);
  return Buffer.concat([
    tail,
    ...central,
    header(0x06054b50, [
      [2, 0],
      [2, 0],
      [2, entries],
      [2, entries],
      [4, size],
      [4, tail.length],
      [2, 0],
    ]),
  ]);
}

export interface TarEntry {
  name: string;
  content?: Buffer;
  /** Of the header: 0 a file, 1 a hard link, 2 a symbolic link, 3 a device, 5 a directory, S sparse, x and L about the next one. */
  type?: string;
  link?: string;
}

export function tarOf(entries: readonly TarEntry[]): Buffer {
  const blocks = entries.flatMap(({ name, content = Buffer.alloc(0), type = '0', link = '' }) => {
    const block = Buffer.alloc(512);
    block.write(name, 0, 100, 'latin1');
    block.write('0000644\0', 100);
    block.write(`${content.length.toString(8).padStart(11, '0')}\0`, 124);
    block.write('        ', 148);
    block.write(type, 156);
    block.write(link, 157, 100, 'latin1');
    block.write('ustar\0' + '00', 257);
    const sum = block.reduce((total, byte) => total + byte, 0);
    block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
    return [block, content, Buffer.alloc((512 - (content.length % 512)) % 512)];
  });
  return Buffer.concat([...blocks, Buffer.alloc(1024)]);
}

/** A record of a PAX header, with its own length before it. */
export function paxRecord(key: string, value: string): Buffer {
  const rest = ` ${key}=${value}\n`;
  let length = rest.length + 1;
  while (String(length).length + rest.length !== length) length += 1;
  return Buffer.from(`${String(length)}${rest}`);
}

/** 42.zip: archives in archives, five levels, of which the last is all zeros. */
export function nestedBomb(levels: number, each: number, bytes: number): Buffer {
  let inner = zipOf([{ name: '0.dll', content: Buffer.alloc(bytes) }]);
  for (let level = 0; level < levels; level += 1)
    inner = zipOf(Array.from({ length: each }, (_, index) => ({ name: `lib ${String(index)}.zip`, content: inner })));
  return inner;
}

export const gzipOf = (content: Buffer) => gzipSync(content, { level: 9 });
