import { Parser, type ReadEntry } from 'tar';

import { assertWithin, refuseLink } from './entry-name.ts';
import { unreadable } from './refusal.ts';
import type { Tally } from './tally.ts';

/** Fewer bytes can't be a header. */
export const headerBytes = 512;

/** Names and owners that are longer than a header has room for. node-tar passes over longer ones, others do not. */
const maxMetaBytes = 64 * 1024;

const metaTypes = [
  'ExtendedHeader',
  'OldExtendedHeader',
  'GlobalExtendedHeader',
  'NextFileHasLongPath',
  'OldGnuLongPath',
  'NextFileHasLongLinkpath',
];
const plainTypes = ['File', 'OldFile', 'ContiguousFile', 'Directory', 'GNUDumpDir'];

/** By its checksum: the oldest form has no other mark. */
export function isTarHeader(block: Buffer): boolean {
  if (block.length < headerBytes) return false;
  const told = Number.parseInt(block.toString('latin1', 148, 156).replaceAll('\0', ' ').trim(), 8);
  let sum = 8 * 0x20;
  for (let at = 0; at < headerBytes; at += 1) if (at < 148 || at >= 156) sum += block[at] ?? 0;
  return sum === told;
}

/** Reads the entries of a tar archive as it comes; their contents are passed over. */
export interface TarWalk {
  /** @throws ArchiveRefused. */
  write(chunk: Buffer): void;
  /** @throws ArchiveRefused. */
  end(): void;
}

/** Sizes of sparse entries are those of their holes, too, and stand in places of their own. */
const sparse = () => unreadable('it has sparse entries, whose size can not be told');

function assertEntry({ type, path, linkpath }: ReadEntry): void {
  assertWithin(path);
  if (type === 'SparseFile') throw sparse();
  if (type === 'Link') assertWithin(linkpath ?? '');
  else if (!plainTypes.includes(type)) refuseLink();
}

export function walkTar(tally: Tally): TarWalk {
  let fault: Error | undefined;
  // What is thrown in a listener would leave the parser in the middle of its work.
  const guarded = (work: () => void): void => {
    try {
      work();
    } catch (error) {
      fault ??= error as Error;
    }
  };
  const parser = new Parser({ maxMetaEntrySize: maxMetaBytes });
  parser.on('entry', (entry: ReadEntry) => {
    guarded(() => {
      tally.entries(1);
      assertEntry(entry);
    });
    entry.resume();
  });
  parser.on('ignoredEntry', (entry: ReadEntry) => {
    guarded(() => {
      if (metaTypes.includes(entry.type)) throw unreadable('an entry has a name that is too long');
      tally.entries(1);
      assertEntry(entry);
    });
  });
  parser.on('meta', (text: string) => {
    guarded(() => {
      if (/^\d+ GNU\.sparse\./m.test(text)) throw sparse();
    });
  });
  parser.on('warn', (code: string) => {
    if (code !== 'TAR_ENTRY_INFO') fault ??= unreadable('it is no whole tar archive');
  });
  parser.on('error', () => {
    fault ??= unreadable('it is no whole tar archive');
  });
  const step = (work: () => unknown): void => {
    work();
    if (fault) throw fault;
  };
  return {
    write(chunk) {
      step(() => parser.write(chunk));
    },
    end() {
      step(() => parser.end());
    },
  };
}
