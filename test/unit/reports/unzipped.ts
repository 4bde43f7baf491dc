import { crc32, inflateRawSync } from 'node:zlib';

/** The texts of a zip archive by their path, as its directory says; checked by their sums. */
export function unzipped(bytes: Buffer): Map<string, string> {
  const entries = new Map<string, string>();
  for (let at = bytes.readUInt32LE(bytes.length - 6); bytes.readUInt32LE(at) === 0x02014b50;) {
    const [crc, packed, offset] = [16, 20, 42].map((field) => bytes.readUInt32LE(at + field)) as [number, number, number];
    const [nameLength, extraLength] = [28, 30].map((field) => bytes.readUInt16LE(at + field)) as [number, number];
    const start = offset + 30 + bytes.readUInt16LE(offset + 26) + bytes.readUInt16LE(offset + 28);
    const content = inflateRawSync(bytes.subarray(start, start + packed));
    if (crc32(content) !== crc) throw new Error('The sum of an entry is wrong');
    entries.set(bytes.toString('utf8', at + 46, at + 46 + nameLength), content.toString());
    at += 46 + nameLength + extraLength;
  }
  return entries;
}
