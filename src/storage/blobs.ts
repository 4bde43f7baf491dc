import type { Readable } from 'node:stream';

import type { PresignedFiles } from '../jobs/files.ts';

export interface StageOptions {
  /** More bytes than this end in `payload_too_large`. Default: no limit. */
  maxBytes?: number;
  signal?: AbortSignal;
  /** Each sees every byte once and in order, in the same pass as the hash. A chunk is valid only during the call. */
  observers?: ((chunk: Uint8Array) => void)[];
}

/** Bytes in a temporary place. Whoever stages them ends with `commit` or `discard`; after a crash `sweep` does. */
export interface StagedBlob {
  readonly size: number;
  /** Lower-case hex. */
  readonly sha256: string;
  /** The first 64 KiB at most, for telling the type. */
  readonly head: Buffer;
  /** Durable and readable under the hash when it resolves. Harmless when these bytes are there already, and twice. */
  commit(): Promise<void>;
  /** Harmless after `commit`, and twice. */
  discard(): Promise<void>;
}

export interface SweepOptions {
  /** Which of these (some hundreds at a time) are in use. */
  referenced: (sha256s: string[]) => Promise<Set<string>>;
  /** Younger ones stay, used or not. Longer than any upload and its submission take together. */
  olderThanMs: number;
}

/** How many were removed. */
export interface Swept {
  temporary: number;
  blobs: number;
}

/** As `PresignedFiles`, without what only files have. */
export interface PresignedBlobs extends Omit<PresignedFiles, 'stage'> {
  stage(id: string, options?: StageOptions): Promise<StagedBlob | undefined>;
}

/** Bytes under their SHA-256. Knows no tenants and no names: those are in `FileRecords`. */
export interface BlobStore {
  /**
   * One pass with back-pressure, in constant memory. When it rejects, nothing is left behind.
   * @throws AppError `payload_too_large`, `storage_unavailable`; what the source threw; the reason of `signal`.
   */
  stage(bytes: AsyncIterable<Uint8Array>, options?: StageOptions): Promise<StagedBlob>;
  /** The same for what `write` puts into the file of that path, which may grow but not change beyond its first mebibyte. */
  stageWritten(write: (path: string) => Promise<void>, options?: StageOptions): Promise<StagedBlob>;
  /** The same for a file of this machine that is whole and never changes again. It stays where it is, too. */
  stageFile(path: string, options?: StageOptions): Promise<StagedBlob>;
  /** The range is inclusive. The stream fails with `file_not_found` when the bytes are not there. */
  read(sha256: string, range?: { start: number; end: number }): Readable;
  /** A further name for the bytes, to be read only. False where there can be none, on another disk; or when the bytes are not there. */
  link?(sha256: string, path: string): Promise<boolean>;
  /** @throws AppError `storage_unavailable` when bytes can't be written. */
  check(): Promise<void>;
  /**
   * Removes bytes that nobody refers to, unless they were committed again since then. Harmless when there are none. Default: a
   * sweep does it.
   */
  remove?(sha256: string, committedBefore: Date): Promise<void>;
  sweep(options: SweepOptions): Promise<Swept>;
  /** Where clients can reach it. */
  readonly presigned?: PresignedBlobs;
}
