import type { AuditEntry } from '../jobs/audit.ts';
import type { FileOwner, StoredFile } from '../jobs/files.ts';

export interface FileRecord extends StoredFile, FileOwner {
  createdAt: Date;
}

/** What is known of each file beside its bytes. */
export interface FileRecords {
  /** The first record with an id wins: a later one changes nothing, and the first is returned. */
  insert(record: FileRecord): Promise<FileRecord>;
  find(tenant: string, id: string): Promise<FileRecord | undefined>;
  owner(id: string): Promise<string | undefined>;
  /** With its audit entry in one transaction. False when unknown, or another tenant's. */
  remove(tenant: string, id: string, entry: AuditEntry): Promise<boolean>;
  /** Those of the hashes that a record of any tenant has. */
  referenced(sha256s: string[]): Promise<Set<string>>;
}
