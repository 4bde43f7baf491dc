import { z } from 'zod';

import type { AuditEntry } from './audit.ts';

export const versionedName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9._-]{0,63}$/, 'must be 1 to 64 of a-z, 0-9, ., _ and -, and begin with a letter or digit');

/** What a list tells of a version. */
export interface VersionEntry {
  name: string;
  version: number;
  description: string | null;
  createdAt: Date;
}

export interface VersionPage {
  items: VersionEntry[];
  /** To go on from; null: there is no more. */
  next: string | null;
}

export interface NewVersion<Source> {
  tenant: string;
  name: string;
  source: Source;
  /** Of the newest version, or 0 for none: anything else is not overwritten. Default: whatever there is. */
  ifVersion?: number | undefined;
}

/** What is put under a name: a version never changes. What is removed is only hidden from new jobs. All of these throw AppError `database_unavailable`. */
export interface VersionStore<Version extends VersionEntry, New> {
  /**
   * The same source as the newest version has makes none. Writes the audit entry in the same transaction.
   * @throws AppError `precondition_failed`.
   */
  put(version: New, entry: AuditEntry): Promise<{ made: boolean; version: Version }>;
  /** @returns undefined: there is none that a new job may have. */
  find(tenant: string, name: string, version?: number): Promise<Version | undefined>;
  /** The newest version of each, by name. @param from a name: those after it. */
  list(tenant: string, page: { limit: number; from?: string }): Promise<VersionPage>;
  /** Newest first. @param from a version: those before it. */
  versions(tenant: string, name: string, page: { limit: number; from?: string }): Promise<VersionPage>;
  /** @returns false: there is none. */
  remove(tenant: string, name: string, entry: AuditEntry): Promise<boolean>;
}
