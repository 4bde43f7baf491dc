import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { mkdtemp, open, readdir, rm, utimes } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach } from '@jest/globals';

export interface TestDirectory {
  readonly path: string;
  /** Relative paths of all files, sorted. */
  files(): Promise<string[]>;
  makeOld(file: string): Promise<void>;
}

/** A directory of its own for each test of the file, which does not exist yet when the test begins. */
export function testDirectory(): TestDirectory {
  let parent = '';
  const path = (): string => join(parent, 'files');
  beforeEach(async () => {
    parent = await mkdtemp(join(tmpdir(), 'handoff-storage-'));
  });
  afterEach(async () => {
    await rm(parent, { recursive: true, force: true });
  });
  return {
    get path() {
      return path();
    },
    async files() {
      const entries = await readdir(path(), { recursive: true, withFileTypes: true });
      return entries
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name).slice(path().length + 1))
        .sort();
    },
    async makeOld(file) {
      const longAgo = new Date('2020-01-01T00:00:00Z');
      await utimes(join(path(), file), longAgo, longAgo);
    },
  };
}

/** The prototype that all file handles share: the place to make the disk fail. */
export async function fileHandles(): Promise<FileHandle> {
  const handle = await open(fileURLToPath(import.meta.url));
  await handle.close();
  return Object.getPrototypeOf(handle) as FileHandle;
}

export async function* chunks(...parts: (string | Uint8Array)[]): AsyncGenerator<Uint8Array> {
  for (const part of parts) yield await Promise.resolve(Buffer.from(part));
}

export function sha256(bytes: string | Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Below the directory of a store. */
export function blobPath(hash: string): string {
  return `blobs/${hash.slice(0, 2)}/${hash.slice(2)}`;
}
