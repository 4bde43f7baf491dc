import { AppError } from '../errors.ts';
import type { FileFacts, FileStore, StagedFile, StoredFile } from '../jobs/files.ts';
import type { BlobStore, StagedBlob, StageOptions, Swept } from './blobs.ts';
import type { FileRecord, FileRecords } from './file-records.ts';
import { archiveFormat, provedType } from './sniff.ts';

/** Told of every byte in order; says at the end why the bytes are an incomplete file of their type, if they are. */
export interface CompletenessCheck {
  push(chunk: Uint8Array): void;
  verdict(sniffedType: string | undefined): string | undefined;
}

export interface FileStoreDependencies {
  blobs: BlobStore;
  records: FileRecords;
  completeness: () => CompletenessCheck;
  /** Of files that nobody said it of. Default: they stay. */
  retentionDays?: number | undefined;
}

/** How it is kept in order: for all tenants, and harmless beside whatever else is done, in several processes too. */
export interface FileUpkeep {
  /** Removes what crashes and deleted files left behind. */
  sweep(options: { olderThanMs: number }): Promise<Swept>;
  /** Some at a time. @returns how many have expired since; 0: none is left. */
  expire(): Promise<number>;
  /** Forgets, some at a time, that there were files which expired long ago. @returns how many. */
  forget(): Promise<number>;
  /** Jobs whose intermediate files are a day old, some at a time. @param after the last one of the page before. */
  jobsWithIntermediates(after: string): Promise<string[]>;
  /** For jobs that have ended. @returns how many are gone. */
  removeIntermediates(jobIds: readonly string[]): Promise<number>;
}

export interface KeptFileStore extends FileStore {
  readonly upkeep: FileUpkeep;
}

const fileId = /^file_[a-z2-7]{26}$/;
const dayMs = 86_400_000;
/** How long it is known of a file that it has expired. */
const rememberedMs = 30 * dayMs;
/** Longer than a submission takes, from its first file to its start. */
const youngMs = dayMs;

/** Bytes in a blob store, metadata in records. A record is written only after its bytes are durable. */
export function createFileStore({ blobs, records, completeness, retentionDays }: FileStoreDependencies): KeptFileStore {
  type Stage<Blob> = (options: Pick<StageOptions, 'observers'>) => Promise<Blob>;
  async function staged(stage: Stage<StagedBlob>): Promise<StagedFile>;
  async function staged(stage: Stage<StagedBlob | undefined>): Promise<StagedFile | undefined>;
  async function staged(stage: Stage<StagedBlob | undefined>): Promise<StagedFile | undefined> {
    const check = completeness();
    const blob = await stage({
      observers: [
        (chunk) => {
          check.push(chunk);
        },
      ],
    });
    if (blob === undefined) return undefined;
    const { size, sha256 } = blob;
    const sniffedType = await provedType(blob.head);
    return {
      size,
      sha256,
      sniffedType,
      truncation: check.verdict(sniffedType),
      archive: archiveFormat(blob.head, sniffedType),
      async commit({ id, name, contentType, tenant, jobId, intermediate = false, quarantined = false, retentionDays: asked }) {
        if (!fileId.test(id)) throw new TypeError('Not a file id');
        await blob.commit();
        const createdAt = new Date();
        const days = intermediate ? undefined : (asked ?? retentionDays);
        const expiresAt = days === undefined ? null : new Date(createdAt.getTime() + days * dayMs);
        const state = quarantined ? ('quarantined' as const) : ('ready' as const);
        const facts = { id, name, contentType, size, sha256, tenant, jobId, createdAt, expiresAt, intermediate, state };
        const record = await records.insert(facts);
        if (record.tenant !== tenant) throw new Error('This file id belongs to another tenant');
        return storedFile(record);
      },
      discard: () => blob.discard(),
    };
  }
  const { presigned } = blobs;

  async function look(tenant: string, id: string): Promise<FileFacts | undefined> {
    const record = fileId.test(id) ? await records.find(tenant, id) : undefined;
    return record === undefined || isExpired(record) ? undefined : factsOf(record);
  }

  /** What is being committed has no record yet, but a newer time than all of them. */
  async function removeUnused(sha256: string): Promise<void> {
    const newest = await records.newestRejected(sha256);
    if (newest !== undefined) await blobs.remove?.(sha256, new Date(newest.getTime() + 1));
  }

  return {
    ...(presigned && {
      presigned: { ...presigned, stage: (id, options = {}) => staged((observing) => presigned.stage(id, { ...options, ...observing })) },
    }),
    stage: (bytes, options = {}) => staged((observing) => blobs.stage(bytes, { ...options, ...observing })),
    stageWritten: (write, options = {}) => staged((observing) => blobs.stageWritten(write, { ...options, ...observing })),
    stageFile: (path, options = {}) => staged((observing) => blobs.stageFile(path, { ...options, ...observing })),
    async find(tenant, id) {
      const found = await look(tenant, id);
      if (found !== undefined) assertReady(found);
      return found;
    },
    look,
    async judge(tenant, id, verdict) {
      const record = fileId.test(id) ? await records.judge(tenant, id, verdict) : undefined;
      if (record === undefined) return undefined;
      if (record.state === 'rejected') await removeUnused(record.sha256);
      return factsOf(record);
    },
    async hasExpired(tenant, id) {
      const record = fileId.test(id) ? await records.find(tenant, id) : undefined;
      return record !== undefined && isExpired(record);
    },
    async list(tenant, filter, page) {
      const { items, next } = await records.list(tenant, filter, page);
      return { items: items.map(factsOf), next };
    },
    setTerms: async (tenant, ids, terms) => (await records.setTerms(tenant, ids, terms)).map(storedFile),
    downloads: records.downloads,
    owner: async (id) => (fileId.test(id) ? records.owner(id) : undefined),
    remove: async (tenant, id, entry) => fileId.test(id) && records.remove(tenant, id, entry),
    read: ({ sha256 }, range) => blobs.read(sha256, range),
    link: async ({ sha256 }, path) => (await blobs.link?.(sha256, path)) ?? false,
    check: () => blobs.check(),
    upkeep: {
      sweep: ({ olderThanMs }) => blobs.sweep({ olderThanMs, referenced: (sha256s) => records.referenced(sha256s) }),
      expire: () => records.expire(new Date()),
      forget: () => records.forget(new Date(Date.now() - rememberedMs)),
      jobsWithIntermediates: (after) => records.jobsWithIntermediates(new Date(Date.now() - youngMs), after),
      removeIntermediates: (jobIds) => records.removeIntermediates(jobIds),
    },
  };
}

/** How soon it is worth asking again, in seconds. */
const soon = 5;

/** @throws AppError `file_quarantined`, `file_rejected`. */
function assertReady({ state, rejection }: FileFacts): void {
  if (state === 'quarantined')
    throw new AppError('file_quarantined', 'The checks of this file are not done yet.', { retryable: true, retryAfterSeconds: soon });
  if (state === 'rejected') throw new AppError('file_rejected', `This file was rejected: ${rejection?.detail ?? 'its checks failed'}.`);
}

function isExpired({ expiresAt }: FileRecord): boolean {
  return expiresAt !== null && expiresAt.getTime() <= Date.now();
}

/** Without what only the records know: this goes into results and histories. */
function storedFile({ id, name, contentType, size, sha256, expiresAt, linkSeconds }: FileRecord): StoredFile {
  return {
    ...{ id, name, contentType, size, sha256 },
    ...(expiresAt && { expiresAt: expiresAt.toISOString() }),
    ...(linkSeconds !== null && { linkSeconds }),
  };
}

function factsOf(record: FileRecord): FileFacts {
  const { createdAt, jobId, downloads, maxDownloads, lastDownloadedAt, state, rejection, checks } = record;
  return { ...storedFile(record), createdAt, jobId, downloads, maxDownloads, lastDownloadedAt, state, rejection, checks };
}
