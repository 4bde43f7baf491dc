import type { FileStore, StagedFile, StoredFile } from '../jobs/files.ts';
import type { BlobStore, StagedBlob, StageOptions, Swept } from './blobs.ts';
import type { FileRecord, FileRecords } from './file-records.ts';
import { provedType } from './sniff.ts';

/** Told of every byte in order; says at the end why the bytes are an incomplete file of their type, if they are. */
export interface CompletenessCheck {
  push(chunk: Uint8Array): void;
  verdict(sniffedType: string | undefined): string | undefined;
}

export interface FileStoreDependencies {
  blobs: BlobStore;
  records: FileRecords;
  completeness: () => CompletenessCheck;
}

export interface SweepableFileStore extends FileStore {
  /** Removes what crashes and deleted files left behind. Harmless beside running uploads, in several processes too. */
  sweep(options: { olderThanMs: number }): Promise<Swept>;
}

const fileId = /^file_[a-z2-7]{26}$/;

/** Bytes in a blob store, metadata in records. A record is written only after its bytes are durable. */
export function createFileStore({ blobs, records, completeness }: FileStoreDependencies): SweepableFileStore {
  async function staged(stage: (options: Pick<StageOptions, 'observers'>) => Promise<StagedBlob>): Promise<StagedFile> {
    const check = completeness();
    const blob = await stage({
      observers: [
        (chunk) => {
          check.push(chunk);
        },
      ],
    });
    const { size, sha256 } = blob;
    const sniffedType = await provedType(blob.head);
    return {
      size,
      sha256,
      sniffedType,
      truncation: check.verdict(sniffedType),
      async commit({ id, name, contentType, tenant, jobId }) {
        if (!fileId.test(id)) throw new TypeError('Not a file id');
        await blob.commit();
        const record = await records.insert({ id, name, contentType, size, sha256, tenant, jobId, createdAt: new Date() });
        if (record.tenant !== tenant) throw new Error('This file id belongs to another tenant');
        return storedFile(record);
      },
      discard: () => blob.discard(),
    };
  }
  return {
    stage: (bytes, options = {}) => staged((observing) => blobs.stage(bytes, { ...options, ...observing })),
    stageWritten: (write, options = {}) => staged((observing) => blobs.stageWritten(write, { ...options, ...observing })),
    async find(tenant, id) {
      const record = fileId.test(id) ? await records.find(tenant, id) : undefined;
      return record === undefined ? undefined : { ...storedFile(record), createdAt: record.createdAt, jobId: record.jobId };
    },
    owner: async (id) => (fileId.test(id) ? records.owner(id) : undefined),
    remove: async (tenant, id, entry) => fileId.test(id) && records.remove(tenant, id, entry),
    read: ({ sha256 }, range) => blobs.read(sha256, range),
    check: () => blobs.check(),
    sweep: ({ olderThanMs }) => blobs.sweep({ olderThanMs, referenced: (sha256s) => records.referenced(sha256s) }),
  };
}

/** Without what only the records know: this goes into results and histories. */
function storedFile({ id, name, contentType, size, sha256 }: FileRecord): StoredFile {
  return { id, name, contentType, size, sha256 };
}
