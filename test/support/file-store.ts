import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach } from '@jest/globals';

import type { AuditLog } from '../../src/jobs/audit.ts';
import { imageCompleteness } from '../../src/images/completeness.ts';
import { createDiskBlobStore } from '../../src/storage/disk.ts';
import type { FileRecord, FileRecords } from '../../src/storage/file-records.ts';
import { createFileStore, type SweepableFileStore } from '../../src/storage/files.ts';

export interface TestFileStore {
  readonly files: SweepableFileStore;
  /** By id. */
  readonly records: Map<string, FileRecord>;
  /** How many files lie on the disk, temporary ones too. */
  count(): Promise<number>;
}

/** The real disk store in a directory of its own for each test of the file, with its records in memory. */
export function testFileStore(audit?: Pick<AuditLog, 'record'>): TestFileStore {
  let directory = '';
  let files: SweepableFileStore;
  const records = new Map<string, FileRecord>();
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'handoff-files-'));
    records.clear();
    files = createFileStore({ blobs: createDiskBlobStore(directory), records: recordsIn(records, audit), completeness: imageCompleteness });
  });
  afterEach(async () => {
    await rm(directory, { recursive: true, force: true });
  });
  return {
    get files() {
      return files;
    },
    records,
    async count() {
      if (!existsSync(directory)) return 0;
      return (await readdir(directory, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile()).length;
    },
  };
}

export function recordsIn(map: Map<string, FileRecord>, audit?: Pick<AuditLog, 'record'>): FileRecords {
  return {
    insert(record) {
      const first = map.get(record.id) ?? record;
      map.set(record.id, first);
      return Promise.resolve(first);
    },
    find: (tenant, id) => Promise.resolve([...map.values()].find((record) => record.id === id && record.tenant === tenant)),
    owner: (id) => Promise.resolve(map.get(id)?.tenant),
    async remove(tenant, id, entry) {
      if (map.get(id)?.tenant !== tenant) return false;
      await audit?.record(entry);
      return map.delete(id);
    },
    referenced: (hashes) =>
      Promise.resolve(new Set([...map.values()].map((record) => record.sha256).filter((hash) => hashes.includes(hash)))),
  };
}

export async function* chunks(...parts: (string | Uint8Array)[]): AsyncGenerator<Uint8Array> {
  for (const part of parts) yield await Promise.resolve(Buffer.from(part));
}
