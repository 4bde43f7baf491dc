import type { Readable } from 'node:stream';

import type { AuditEntry } from './audit.ts';

/** A stored blob with its metadata. The bytes never change; the id is what HTTP and workflows pass around. */
export interface StoredFile {
  /** `file_`, 6-character tenant tag, 20 more; lower-case base 32. */
  id: string;
  /** As the client named it, without any path; not unique, never used as a path. */
  name: string;
  /** Sniffed from the bytes where they tell, else as declared. */
  contentType: string;
  /** In bytes. */
  size: number;
  /** Lower-case hex. */
  sha256: string;
}

export interface FileOwner {
  tenant: string;
  /** Job that made or received the file. */
  jobId: string;
}

/** Bytes that lie in a temporary place: nothing is visible before `commit`, nothing stays after `discard`. */
export interface StagedFile {
  readonly size: number;
  readonly sha256: string;
  /** MIME type that the first bytes prove, if they do. */
  readonly sniffedType: string | undefined;
  /** Why the bytes are an incomplete image, if they are one. */
  readonly truncation: string | undefined;
  /**
   * Makes the bytes durable and visible under `id`. Repeating it with the same id and bytes is harmless,
   * so an activity that died after it may simply run again.
   */
  commit(file: { id: string; name: string; contentType: string } & FileOwner): Promise<StoredFile>;
  /** Removes the temporary bytes. Harmless after `commit`, and twice. */
  discard(): Promise<void>;
}

/** Bytes plus metadata, scoped by tenant. */
export interface FileStore {
  /**
   * Streams bytes to a temporary place in one pass: hash, size, type, completeness.
   * @throws AppError `payload_too_large` beyond `maxBytes`; the temporary bytes are gone by then.
   */
  stage(bytes: AsyncIterable<Uint8Array>, options?: { maxBytes?: number; signal?: AbortSignal }): Promise<StagedFile>;
  /**
   * The same for bytes that something else than a stream writes: `write` gets the path of an empty file, on the disk where the bytes
   * will lie if it can be. They are hashed while they are written: beyond the first mebibyte nothing that is written may change.
   */
  stageWritten(write: (path: string) => Promise<void>, options?: { maxBytes?: number; signal?: AbortSignal }): Promise<StagedFile>;
  /** `undefined` when unknown **or another tenant's**. */
  find(tenant: string, id: string): Promise<(StoredFile & { createdAt: Date; jobId: string }) | undefined>;
  /** The bytes, or the inclusive range of them. @throws when the blob is missing. */
  read(file: Pick<StoredFile, 'sha256'>, range?: { start: number; end: number }): Readable;
  /** The tenant that a file belongs to: only for links, which prove by themselves that they may. `undefined` when unknown. */
  owner(id: string): Promise<string | undefined>;
  /** Removes the record; the bytes are swept later, once no other file has them. False when unknown, or another tenant's. */
  remove(tenant: string, id: string, entry: AuditEntry): Promise<boolean>;
  /** Resolves when bytes can be written. */
  check(): Promise<void>;
}
