import type { AuditEntry } from '../jobs/audit.ts';
import type { CheckResult, FileState, FileVerdict, Rejection } from '../jobs/file-checks.ts';
import type { DownloadCounts, FileFilter, FileOwner, FileTerms, StoredFile } from '../jobs/files.ts';

export interface NewFileRecord extends Omit<StoredFile, 'expiresAt' | 'linkSeconds'>, FileOwner {
  createdAt: Date;
  /** Default: never. */
  expiresAt?: Date | null;
  intermediate?: boolean;
  /** Default: ready. */
  state?: FileState;
}

export interface FileRecord extends Required<NewFileRecord> {
  linkSeconds: number | null;
  maxDownloads: number | null;
  downloads: number;
  lastDownloadedAt: Date | null;
  rejection: Rejection | null;
  checks: CheckResult[] | null;
}

export interface RecordPage {
  items: FileRecord[];
  next: string | null;
}

/** What is known of each file beside its bytes. */
export interface FileRecords {
  /** The first record with an id wins: a later one changes nothing, and the first is returned, unless it has expired. */
  insert(record: NewFileRecord): Promise<FileRecord>;
  /** Expired ones, too, for as long as they are remembered. */
  find(tenant: string, id: string): Promise<FileRecord | undefined>;
  owner(id: string): Promise<string | undefined>;
  list(tenant: string, filter: FileFilter, page: { limit: number; from?: string | undefined }): Promise<RecordPage>;
  /** Of one that is quarantined; others stay as they are. @returns the record as it is then. */
  judge(tenant: string, id: string, verdict: FileVerdict): Promise<FileRecord | undefined>;
  setTerms(tenant: string, ids: readonly string[], terms: FileTerms): Promise<FileRecord[]>;
  readonly downloads: DownloadCounts;
  /** With its audit entry in one transaction. False when unknown, or another tenant's. */
  remove(tenant: string, id: string, entry: AuditEntry): Promise<boolean>;
  /** Those of the hashes that a record of any tenant has, but for rejected ones. */
  referenced(sha256s: string[]): Promise<Set<string>>;
  /** When the newest record of this hash was made; undefined: one is not rejected, or there is none. */
  newestRejected(sha256: string): Promise<Date | undefined>;
  /** Takes name and bytes from those that have expired, some at a time. @returns how many; 0: there is none left. */
  expire(now: Date): Promise<number>;
  /** Forgets those that have expired before then. @returns how many. */
  forget(expiredBefore: Date): Promise<number>;
  /** Jobs with intermediate files of before then, some at a time. @param after the last one of the page before. */
  jobsWithIntermediates(createdBefore: Date, after: string): Promise<string[]>;
  /** @returns how many records are gone. */
  removeIntermediates(jobIds: readonly string[]): Promise<number>;
}
