import { randomUUID } from 'node:crypto';
import { mkdir, open } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** Only the owner may look: files are other people's. */
const directoryMode = 0o700;
export const fileMode = 0o600;

export interface DiskPlaces {
  readonly root: string;
  /** Holds `ab/cdef…`, by SHA-256. */
  readonly blobs: string;
  /** On the same file system as `blobs`, so that a rename moves a file at once and whole. */
  readonly temporary: string;
  /** @throws when it is no SHA-256 in lower-case hex: never a path of somebody's choice. */
  blob(sha256: string): string;
  newTemporary(): string;
}

export function diskPlaces(root: string): DiskPlaces {
  const blobs = join(root, 'blobs');
  const temporary = join(root, 'tmp');
  return {
    root,
    blobs,
    temporary,
    blob(sha256) {
      if (!/^[0-9a-f]{64}$/.test(sha256)) throw new TypeError('Not a SHA-256 in lower-case hex');
      return join(blobs, sha256.slice(0, 2), sha256.slice(2));
    },
    newTemporary: () => join(temporary, randomUUID()),
  };
}

/** Makes the directory, and each new entry above it durable. */
export async function makeDirectory(directory: string): Promise<void> {
  const first = await mkdir(directory, { recursive: true, mode: directoryMode });
  if (first === undefined) return;
  for (let made = directory; made.length >= first.length; made = dirname(made)) await syncDirectory(dirname(made));
}

/** A new or renamed entry survives a power cut only after this. */
export async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
