import { ArchiveRefused } from './refusal.ts';

export interface ArchiveLimits {
  readonly maxEntries: number;
  /** Of all entries together, unpacked. */
  readonly maxBytes: number;
  /** Of unpacked to packed bytes. */
  readonly maxRatio: number;
}

export interface Tally {
  /** @throws ArchiveRefused beyond the limit. */
  entries(count: number): void;
  /** As told, or as they come. @throws ArchiveRefused beyond the limit. */
  bytes(count: number): void;
  sum(): { entries: number; unpackedBytes: number };
}

/** So little harms nobody, however well it is packed: spreadsheets are. */
const freeBytes = 32 * 1024 * 1024;

/** @param packed size of the archive. */
export function createTally({ maxEntries, maxBytes, maxRatio }: ArchiveLimits, packed: number): Tally {
  const sum = { entries: 0, unpackedBytes: 0 };
  return {
    entries(count) {
      sum.entries += count;
      if (sum.entries > maxEntries) throw new ArchiveRefused('archive_entries', `it has more than ${String(maxEntries)} entries`);
    },
    bytes(count) {
      sum.unpackedBytes += count;
      if (sum.unpackedBytes > maxBytes) throw new ArchiveRefused('archive_bomb', `it unpacks to more than ${String(maxBytes)} bytes`);
      if (sum.unpackedBytes > freeBytes && sum.unpackedBytes > packed * maxRatio)
        throw new ArchiveRefused('archive_bomb', `it unpacks to more than ${String(maxRatio)} times its size`);
    },
    sum: () => ({ ...sum }),
  };
}
