import { Readable } from 'node:stream';
import { createInflateRaw } from 'node:zlib';
import { type Entry, fromRandomAccessReaderPromise, getFileNameLowLevel, type LocalFileHeader, type ZipFile } from 'yauzl';

import type { StoredArchive, Watching } from '../../activities/scan.ts';
import { assertWithin, refuseLink } from './entry-name.ts';
import { ArchiveRefused, unreadable } from './refusal.ts';
import type { Tally } from './tally.ts';
import { unpacking } from './unpacking.ts';
import { blockBytes, StoredBytes } from './zip-reader.ts';

/** What is remembered of an entry: numbers only, so that names of 64 KiB cost nothing. */
interface Part {
  start: number;
  dataStart: number;
  packed: number;
  unpacked: number;
  deflated: boolean;
  closed: boolean;
}

const stored = 0;
const deflated = 8;
const sizesFollow = 0x8;
const inZip64 = 0xffffffff;

/** Kinds of files by their Unix mode: everything but files and directories. */
const isLinkOrDevice = ({ externalFileAttributes }: Entry) => ![0, 0x8000, 0x4000].includes((externalFileAttributes >>> 16) & 0xf000);

/** Some read the name as it stands, others the one in an extra field. */
function namesOf({ generalPurposeBitFlag: flags, fileNameRaw, extraFields }: Entry): string[] {
  return [getFileNameLowLevel(flags, fileNameRaw, extraFields, true), getFileNameLowLevel(flags, fileNameRaw, [], true)];
}

/** Some unpack by the directory, others by what stands before each entry: what differs is meant to deceive one of them. */
function assertSame(entry: Entry, local: LocalFileHeader): void {
  const sizes = [local.compressedSize, local.uncompressedSize];
  const toldLater = (local.generalPurposeBitFlag & sizesFollow) !== 0 || sizes.includes(inZip64);
  const same =
    entry.fileNameRaw.equals(local.fileName) &&
    entry.compressionMethod === local.compressionMethod &&
    (toldLater || (entry.compressedSize === local.compressedSize && entry.uncompressedSize === local.uncompressedSize));
  if (!same) throw unreadable('an entry is described in two ways');
}

async function partOf(zip: ZipFile, entry: Entry): Promise<Part> {
  for (const name of namesOf(entry)) assertWithin(name);
  if (isLinkOrDevice(entry)) refuseLink();
  const local = await zip.readLocalFileHeaderPromise(entry);
  assertSame(entry, local);
  const { compressionMethod: method, compressedSize: packed, uncompressedSize: unpacked } = entry;
  const closed = entry.isEncrypted() || (method !== stored && method !== deflated);
  if (!closed && method === stored && packed !== unpacked) throw unreadable('an entry that is not packed has two sizes');
  return {
    start: entry.relativeOffsetOfLocalHeader,
    dataStart: local.fileDataStart,
    packed,
    unpacked,
    deflated: method === deflated,
    closed,
  };
}

/** Bytes that several entries share are unpacked as often as they are shared. */
function assertApart(parts: readonly Part[]): void {
  const ordered = parts.toSorted((one, other) => one.start - other.start);
  const overlaps = ordered.some(({ start }, index) => {
    const before = ordered[index - 1];
    return before !== undefined && before.dataStart + before.packed > start;
  });
  if (overlaps) throw new ArchiveRefused('archive_bomb', 'its entries overlap');
}

/** yauzl reads as many entries as are told; others read until the directory ends. */
async function assertEnds(zip: ZipFile, bytes: StoredBytes): Promise<void> {
  // Its type is wrong: it is where the next one would begin.
  const next = await bytes.bytesAt(Number(zip.readEntryCursor), 4);
  if (next.toString('hex') === '504b0102') throw unreadable('it has more entries than it tells');
}

/** @throws ArchiveRefused when it does not unpack to what it tells. */
async function unpack({ dataStart, packed, unpacked }: Part, bytes: StoredBytes, { read }: StoredArchive, signal: AbortSignal) {
  let size = 0;
  const isSmall = packed <= blockBytes;
  const source = isSmall
    ? Readable.from([await bytes.bytesAt(dataStart, packed)])
    : read({ start: dataStart, end: dataStart + packed - 1 });
  const count = (chunk: Buffer): void => {
    size += chunk.byteLength;
    if (size > unpacked) throw new ArchiveRefused('archive_bomb', 'an entry unpacks to more than it tells');
  };
  await unpacking(source, createInflateRaw(), count, { signal });
  if (size !== unpacked) throw unreadable('an entry unpacks to less than it tells');
}

/**
 * By its directory, then each entry by itself. Encrypted entries, and those packed in another way than deflate, can't be
 * unpacked here: what they tell counts.
 * @throws ArchiveRefused; what `read` threw; whatever yauzl and zlib say of broken bytes.
 */
export async function examineZip(archive: StoredArchive, tally: Tally, { signal, passed }: Watching): Promise<{ closedEntries: number }> {
  const bytes = new StoredBytes(archive.size, archive.read);
  const parts: Part[] = [];
  try {
    const options = { decodeStrings: false, validateEntrySizes: false, autoClose: false };
    const zip = await fromRandomAccessReaderPromise(bytes, archive.size, options);
    tally.entries(zip.entryCount);
    for await (const entry of zip.eachEntry()) {
      signal.throwIfAborted();
      tally.bytes(entry.uncompressedSize);
      parts.push(await partOf(zip, entry));
    }
    await assertEnds(zip, bytes);
  } catch (error) {
    throw bytes.failure === undefined ? error : bytes.failure.error;
  }
  assertApart(parts);
  let looked = 0;
  for (const part of parts) {
    signal.throwIfAborted();
    if (part.deflated && !part.closed && part.packed > 0) await unpack(part, bytes, archive, signal);
    else if (part.unpacked > 0 && !part.closed && part.packed === 0) throw unreadable('an entry unpacks to less than it tells');
    looked += part.packed;
    passed(Math.min(looked, archive.size));
  }
  return { closedEntries: parts.filter(({ closed }) => closed).length };
}
