import zlib from 'node:zlib';

import { ioMemory } from '../io-memory.ts';
import { deflateEnd, deflater, type Deflater } from './deflate.ts';
import { youngGarbage } from './young-garbage.ts';

/** How much is packed at a time. */
const pieceBytes = 256 * 1024;
/** One is filled while the others are packed, in libuv's thread pool. */
const laneCount = 3;
/** Of packed pieces that may lie around. */
const garbageBytes = 4 * 1024 * 1024;
/** Beyond these the fields of the original format overflow into those of ZIP64. */
const full32 = 0xffffffff;
const full16 = 0xffff;
/** 1 January 1980, 0:00: the same in every run and time zone. */
const dosDate = 0x21;
/** Sizes follow the data (bit 3); names are UTF-8 (bit 11). */
const flags = 0x0808;
const deflated = 8;
/** 4.5 of the specification: ZIP64. */
const version = 45;

/** What one entry of an archive holds; taken while the archive is. */
export interface ZipEntry {
  path: string;
  content: AsyncIterable<Uint8Array | string> | Iterable<string>;
}

/** Filled again and again: hundreds of megabytes would go through the heap. */
interface Lane {
  room: Buffer;
  deflater: Deflater;
}

interface Written {
  path: Buffer;
  crc: number;
  packed: number;
  size: number;
  offset: number;
}

/**
 * A zip archive as a stream (PKWARE's APPNOTE 6.3.10), in constant memory: an entry is asked for, and read, only as the bytes are taken.
 * Its data are pieces that are packed each for itself, so that several processors can do it; a reader sees one stream.
 */
export async function* writeZip(entries: AsyncIterable<ZipEntry>): AsyncGenerator<Uint8Array> {
  const lanes = Array.from({ length: laneCount }, (): Lane => ({ room: ioMemory(pieceBytes), deflater: deflater() }));
  try {
    yield* archive(entries, lanes);
  } finally {
    for (const { deflater } of lanes) deflater.close();
  }
}

async function* archive(entries: AsyncIterable<ZipEntry>, lanes: readonly Lane[]): AsyncGenerator<Uint8Array> {
  const written: Written[] = [];
  let offset = 0;
  for await (const { path, content } of entries) {
    const entry: Written = { path: Buffer.from(path), crc: 0, packed: 0, size: 0, offset };
    const header = localHeader(entry.path);
    yield header;
    for await (const piece of packed(content, entry, lanes)) {
      entry.packed += piece.length;
      yield piece;
    }
    const descriptor = dataDescriptor(entry);
    yield descriptor;
    written.push(entry);
    offset += header.length + entry.packed + descriptor.length;
  }
  const directory = Buffer.concat(written.map(directoryEntry));
  yield directory;
  yield endOfDirectory(written.length, directory.length, offset);
}

/** Counts on the way. */
async function* packed(content: ZipEntry['content'], entry: Written, lanes: readonly Lane[]): AsyncGenerator<Buffer> {
  const idle = [...lanes];
  const underway: { lane: Lane; output: Promise<Buffer> }[] = [];
  const usedUp = youngGarbage(garbageBytes);
  const begin = (lane: Lane, size: number) => {
    const piece = lane.room.subarray(0, size);
    entry.crc = zlib.crc32(piece, entry.crc);
    entry.size += size;
    const output = lane.deflater.pack(piece);
    // It is awaited later; until then a failure must not count as unhandled.
    output.catch(() => undefined);
    underway.push({ lane, output });
  };
  const oldest = async () => {
    const { lane, output } = underway.shift() as { lane: Lane; output: Promise<Buffer> };
    const bytes = await output;
    usedUp(bytes.length);
    idle.push(lane);
    return bytes;
  };
  let [lane, filled] = [idle.pop() as Lane, 0];
  for await (const chunk of content) {
    const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
    for (let at = 0; at < bytes.length;) {
      const part = bytes.subarray(at, at + pieceBytes - filled);
      lane.room.set(part, filled);
      at += part.length;
      filled += part.length;
      if (filled < pieceBytes) continue;
      begin(lane, filled);
      filled = 0;
      if (idle.length === 0) yield await oldest();
      lane = idle.pop() as Lane;
    }
  }
  if (filled > 0) begin(lane, filled);
  while (underway.length > 0) yield await oldest();
  yield deflateEnd;
}

function localHeader(path: Buffer): Buffer {
  const header = Buffer.alloc(30);
  header.writeUInt32LE(0x04034b50, 0);
  header.writeUInt16LE(version, 4);
  header.writeUInt16LE(flags, 6);
  header.writeUInt16LE(deflated, 8);
  header.writeUInt16LE(dosDate, 12);
  header.writeUInt16LE(path.length, 26);
  return Buffer.concat([header, path]);
}

function dataDescriptor({ crc, packed, size }: Written): Buffer {
  const large = packed >= full32 || size >= full32;
  const descriptor = Buffer.alloc(large ? 24 : 16);
  descriptor.writeUInt32LE(0x08074b50, 0);
  descriptor.writeUInt32LE(crc, 4);
  if (large) {
    descriptor.writeBigUInt64LE(BigInt(packed), 8);
    descriptor.writeBigUInt64LE(BigInt(size), 16);
  } else {
    descriptor.writeUInt32LE(packed, 8);
    descriptor.writeUInt32LE(size, 12);
  }
  return descriptor;
}

function directoryEntry({ path, crc, packed, size, offset }: Written): Buffer {
  const large = packed >= full32 || size >= full32 || offset >= full32;
  const extra = Buffer.alloc(large ? 28 : 0);
  if (large) {
    extra.writeUInt16LE(1, 0);
    extra.writeUInt16LE(24, 2);
    for (const [index, value] of [size, packed, offset].entries()) extra.writeBigUInt64LE(BigInt(value), 4 + 8 * index);
  }
  const entry = Buffer.alloc(46);
  entry.writeUInt32LE(0x02014b50, 0);
  entry.writeUInt16LE(version, 4);
  entry.writeUInt16LE(version, 6);
  entry.writeUInt16LE(flags, 8);
  entry.writeUInt16LE(deflated, 10);
  entry.writeUInt16LE(dosDate, 14);
  entry.writeUInt32LE(crc, 16);
  entry.writeUInt32LE(large ? full32 : packed, 20);
  entry.writeUInt32LE(large ? full32 : size, 24);
  entry.writeUInt16LE(path.length, 28);
  entry.writeUInt16LE(extra.length, 30);
  entry.writeUInt32LE(large ? full32 : offset, 42);
  return Buffer.concat([entry, path, extra]);
}

function endOfDirectory(count: number, size: number, offset: number): Buffer {
  const large = count >= full16 || size >= full32 || offset >= full32;
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  for (const at of [8, 10]) end.writeUInt16LE(large ? full16 : count, at);
  end.writeUInt32LE(large ? full32 : size, 12);
  end.writeUInt32LE(large ? full32 : offset, 16);
  if (!large) return end;
  const end64 = Buffer.alloc(76);
  end64.writeUInt32LE(0x06064b50, 0);
  end64.writeBigUInt64LE(44n, 4);
  end64.writeUInt16LE(version, 12);
  end64.writeUInt16LE(version, 14);
  for (const [index, value] of [count, count, size, offset].entries()) end64.writeBigUInt64LE(BigInt(value), 24 + 8 * index);
  // The locator.
  end64.writeUInt32LE(0x07064b50, 56);
  end64.writeBigUInt64LE(BigInt(offset + size), 64);
  end64.writeUInt32LE(1, 72);
  return Buffer.concat([end64, end]);
}
