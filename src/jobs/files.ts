import type { Readable } from 'node:stream';

import type { AuditEntry } from './audit.ts';
import type { ArchiveFormat, CheckResult, FileState, FileVerdict, Rejection } from './file-checks.ts';

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
  /** RFC 3339: from then on it is gone. Default: it stays until it is deleted. */
  expiresAt?: string;
  /** How long links to it work that are made for whoever may read it. Default: an hour. */
  linkSeconds?: number;
}

/** How long a file stays. */
export interface FileLife {
  /** From now. Default: as configured. */
  retentionDays?: number | undefined;
  /** Needed by its job only: it goes once that has ended, and nobody is shown it. */
  intermediate?: boolean;
  /** Nobody gets it until `judge` has let it go. Default: it is ready at once. */
  quarantined?: boolean;
}

/** What may be changed of a file that is there. */
export interface FileTerms {
  /** RFC 3339. */
  expiresAt?: string | undefined;
  linkSeconds?: number | undefined;
  /** By links, all in all. */
  maxDownloads?: number | undefined;
}

/** A file, with what only its record knows. */
export interface FileFacts extends StoredFile {
  createdAt: Date;
  jobId: string;
  /** By links: whole ones, and those under way. */
  downloads: number;
  /** null: any number. */
  maxDownloads: number | null;
  /** When the last one was complete. */
  lastDownloadedAt: Date | null;
  state: FileState;
  /** Of a rejected one. Its bytes are gone. */
  rejection: Rejection | null;
  /** What was checked after it was received; null: nothing had to be, or not yet. */
  checks: CheckResult[] | null;
}

export interface FileFilter {
  jobId?: string;
  /** Inclusive. */
  createdAfter?: Date;
  /** Exclusive. */
  createdBefore?: Date;
}

export interface FilePage {
  /** Newest first. */
  items: FileFacts[];
  /** To go on from; null: there is no more. */
  next: string | null;
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
  /** What is to be looked into before anybody unpacks it. */
  readonly archive: ArchiveFormat | undefined;
  /**
   * Makes the bytes durable and visible under `id`. Repeating it with the same id and bytes is harmless,
   * so an activity that died after it may simply run again.
   */
  commit(file: { id: string; name: string; contentType: string } & FileOwner & FileLife): Promise<StoredFile>;
  /** Removes the temporary bytes. Harmless after `commit`, and twice. */
  discard(): Promise<void>;
}

/** Whoever takes one says in the end what became of it. A process that dies before that leaves it counted. */
export interface DownloadCounts {
  /** At once: of two who want the last one, one gets it. False: none is left, or the file is gone. */
  take(tenant: string, id: string): Promise<boolean>;
  /** It was complete. */
  done(tenant: string, id: string): Promise<void>;
  /** It was not. */
  giveBack(tenant: string, id: string): Promise<void>;
}

/** A request that brings bytes to where they are stored, without passing through us. */
export interface PresignedRequest {
  method: 'PUT';
  url: string;
  /** Which it must have, beside `Content-Length`. */
  headers: Record<string, string>;
}

/** What clients put into the storage by themselves, each under an id that was made for it. All throw AppError `storage_unavailable`. */
export interface PresignedFiles {
  /** What one request can bring. */
  readonly maxBytes: number;
  /** @param note to be found again under the id */
  open(
    id: string,
    what: { contentType: string; size: number; sha256?: string | undefined; expiresInSeconds: number },
    note: string,
  ): Promise<PresignedRequest>;
  /** undefined: unknown, or forgotten. */
  note(id: string): Promise<string | undefined>;
  /**
   * Reads in one pass what was put; what is put later changes nothing of it. undefined: nothing was put.
   * @throws AppError `payload_too_large` as `FileStore.stage`
   */
  stage(id: string, options?: { maxBytes?: number; signal?: AbortSignal }): Promise<StagedFile | undefined>;
  /** What was put, not the note. */
  remove(id: string): Promise<void>;
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
  /** The same for a file of this machine that is whole and never changes again. It stays where it is, too. */
  stageFile(path: string, options?: { maxBytes?: number; signal?: AbortSignal }): Promise<StagedFile>;
  /**
   * A file that may be used. `undefined` when unknown, expired **or another tenant's**.
   * @throws AppError `file_quarantined`, `file_rejected`.
   */
  find(tenant: string, id: string): Promise<FileFacts | undefined>;
  /** The same whatever its state is: only to tell of it, or to check it. */
  look(tenant: string, id: string): Promise<FileFacts | undefined>;
  /**
   * Ends the quarantine of a file; nothing changes when it has ended already. The bytes of a rejected one are removed, unless
   * another file has them. Repeating it is harmless.
   * @returns the file as it is then.
   */
  judge(tenant: string, id: string, verdict: FileVerdict): Promise<FileFacts | undefined>;
  /** Whether there was such a file, which has expired: known for a month. */
  hasExpired(tenant: string, id: string): Promise<boolean>;
  /** Without intermediate and expired ones. @param page `from`: the `next` of a page with the same filter. */
  list(tenant: string, filter: FileFilter, page: { limit: number; from?: string | undefined }): Promise<FilePage>;
  /** The files as they are then, without those that are not there. */
  setTerms(tenant: string, ids: readonly string[], terms: FileTerms): Promise<StoredFile[]>;
  /** Counts what is had by links. */
  readonly downloads: DownloadCounts;
  /** Default: clients can't reach the storage. */
  readonly presigned?: PresignedFiles;
  /** The bytes, or the inclusive range of them. @throws when the blob is missing. */
  read(file: Pick<StoredFile, 'sha256'>, range?: { start: number; end: number }): Readable;
  /** A further name for its bytes, for what reads files itself and changes none. False where there can be none: then they are to be read. */
  link?(file: Pick<StoredFile, 'sha256'>, path: string): Promise<boolean>;
  /** The tenant that a file belongs to: only for links, which prove by themselves that they may. `undefined` when unknown. */
  owner(id: string): Promise<string | undefined>;
  /** Removes the record; the bytes are swept later, once no other file has them. False when unknown, or another tenant's. */
  remove(tenant: string, id: string, entry: AuditEntry): Promise<boolean>;
  /** Resolves when bytes can be written. */
  check(): Promise<void>;
}
