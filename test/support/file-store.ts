import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach } from '@jest/globals';

import type { AuditLog } from '../../src/jobs/audit.ts';
import { imageCompleteness } from '../../src/images/completeness.ts';
import type { BlobStore } from '../../src/storage/blobs.ts';
import { createDiskBlobStore } from '../../src/storage/disk.ts';
import type { FileRecord, FileRecords, NewFileRecord } from '../../src/storage/file-records.ts';
import { createFileStore, type FileStoreDependencies, type KeptFileStore } from '../../src/storage/files.ts';

export interface TestFileStore {
  readonly files: KeptFileStore;
  /** By id. */
  readonly records: Map<string, FileRecord>;
  /** Where it lies, for files that are put beside it. */
  readonly directory: string;
  /** How many files lie on the disk, temporary ones too. */
  count(): Promise<number>;
}

interface TestFileStoreOptions extends Pick<FileStoreDependencies, 'retentionDays'> {
  /** Made for each test. Default: on the disk. */
  blobs?: (directory: string) => BlobStore;
}

/** The real disk store in a directory of its own for each test of the file, with its records in memory. */
export function testFileStore(
  audit?: Pick<AuditLog, 'record'>,
  { blobs = createDiskBlobStore, ...options }: TestFileStoreOptions = {},
): TestFileStore {
  let directory = '';
  let files: KeptFileStore;
  const records = new Map<string, FileRecord>();
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'handoff-files-'));
    records.clear();
    files = createFileStore({
      ...{ blobs: blobs(directory), records: recordsIn(records, audit), completeness: imageCompleteness },
      ...options,
    });
  });
  afterEach(async () => {
    await rm(directory, { recursive: true, force: true });
  });
  return {
    get files() {
      return files;
    },
    records,
    get directory() {
      return directory;
    },
    async count() {
      if (!existsSync(directory)) return 0;
      return (await readdir(directory, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile()).length;
    },
  };
}

/** As the database has it when nothing else is said. */
export const recordOf = (record: NewFileRecord): FileRecord => ({
  ...{ expiresAt: null, intermediate: false, linkSeconds: null, maxDownloads: null, downloads: 0, lastDownloadedAt: null },
  ...{ state: 'ready', rejection: null, checks: null },
  ...record,
});

/** Of the upkeep only what sweeps blobs: the rest is SQL. */
export function recordsIn(map: Map<string, FileRecord>, audit?: Pick<AuditLog, 'record'>): FileRecords {
  const own = (tenant: string, id: string) => [...map.values()].find((record) => record.id === id && record.tenant === tenant);
  const unused = () => Promise.reject(new Error('not here'));
  return {
    ...{ expire: unused, forget: unused, jobsWithIntermediates: unused, removeIntermediates: unused },
    insert(record) {
      const first = map.get(record.id) ?? recordOf(record);
      map.set(record.id, first);
      return Promise.resolve(first);
    },
    find: (tenant, id) => Promise.resolve(own(tenant, id)),
    list: (tenant, { jobId }, { limit }) =>
      Promise.resolve({
        items: [...map.values()].filter((one) => one.tenant === tenant && one.jobId === (jobId ?? one.jobId)).slice(0, limit),
        next: null,
      }),
    judge(tenant, id, { checks, rejection }) {
      const record = own(tenant, id);
      if (record?.state === 'quarantined') Object.assign(record, { state: rejection === null ? 'ready' : 'rejected', rejection, checks });
      return Promise.resolve(record);
    },
    newestRejected(sha256) {
      const same = [...map.values()].filter((record) => record.sha256 === sha256);
      const newest = Math.max(...same.map(({ createdAt }) => createdAt.getTime()));
      return Promise.resolve(same.length > 0 && same.every(({ state }) => state === 'rejected') ? new Date(newest) : undefined);
    },
    setTerms(tenant, ids, { expiresAt, ...terms }) {
      const found = ids.flatMap((id) => own(tenant, id) ?? []);
      const changed = found.map((record) => ({ ...record, ...terms, ...(expiresAt !== undefined && { expiresAt: new Date(expiresAt) }) }));
      for (const record of changed) map.set(record.id, record as FileRecord);
      return Promise.resolve(changed as FileRecord[]);
    },
    downloads: {
      take(tenant, id) {
        const record = own(tenant, id);
        const left = record !== undefined && record.downloads < (record.maxDownloads ?? Infinity);
        if (left) record.downloads += 1;
        return Promise.resolve(left);
      },
      done(tenant, id) {
        const record = own(tenant, id);
        if (record !== undefined) record.lastDownloadedAt = new Date();
        return Promise.resolve();
      },
      giveBack(tenant, id) {
        const record = own(tenant, id);
        if (record !== undefined) record.downloads -= 1;
        return Promise.resolve();
      },
    },
    owner: (id) => Promise.resolve(map.get(id)?.tenant),
    async remove(tenant, id, entry) {
      if (map.get(id)?.tenant !== tenant) return false;
      await audit?.record(entry);
      return map.delete(id);
    },
    referenced: (hashes) =>
      Promise.resolve(
        new Set([...map.values()].flatMap(({ sha256, state }) => (state !== 'rejected' && hashes.includes(sha256) ? [sha256] : []))),
      ),
  };
}

export async function* chunks(...parts: (string | Uint8Array)[]): AsyncGenerator<Uint8Array> {
  for (const part of parts) yield await Promise.resolve(Buffer.from(part));
}
