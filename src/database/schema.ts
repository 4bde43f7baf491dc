import type { ColumnType, Generated } from 'kysely';

import type { DeliveryState } from '../../activities/mail-ports.ts';
import type { KeyScope } from '../jobs/api-keys.ts';
import type { AuditDetails, AuditEntry } from '../jobs/audit.ts';
import type { FileState } from '../jobs/file-checks.ts';
import type { LimitLevel } from '../jobs/limits.ts';
import type { Suppression } from '../jobs/suppressions.ts';

/** PGlite and pg both give `int8` as a string. */
type ChangingBigInteger = ColumnType<string, number | string, number | string>;

/** One row a version. What it holds never changes. */
export type VersionColumns = {
  [Name in 'tenant' | 'name' | 'digest' | 'source']: ColumnType<string, string, never>;
} & {
  description: ColumnType<string | null, string | null, never>;
  version: ColumnType<number, number, never>;
  createdAt: ColumnType<Date, never, never>;
  /** Hidden from new jobs since then. */
  removedAt: Generated<Date | null>;
};

export interface Database {
  apiKeys: {
    /** SHA-256 of the key, lower-case hex: a key is 32 random bytes, so a plain hash can't be guessed back. */
    hash: string;
    tenant: string;
    /** First characters of the key, to recognise it by. */
    prefix: string;
    createdAt: Generated<Date>;
    /** What it is called where the key itself may not be told. */
    id: string;
    name: Generated<string | null>;
    scopes: KeyScope[];
    /** Of the development key. */
    localOnly: Generated<boolean>;
    /** As it was asked for: a successor gets the same. */
    lifetimeSeconds: Generated<number | null>;
    expiresAt: Generated<Date | null>;
    revokedAt: Generated<Date | null>;
    lastUsedAt: Generated<Date | null>;
    requestsPerMinute: Generated<number | null>;
  };
  tenantLimits: {
    tenant: string;
    level: LimitLevel;
    name: string;
    value: ChangingBigInteger;
  };
  /** What was used of a limit in the window that was asked for last. */
  limitWindows: {
    name: string;
    /** A tenant, or the id of an API key. */
    subject: string;
    /** Its number, counted from 1970. */
    window: ChangingBigInteger;
    used: ChangingBigInteger;
    /** By the last lease. */
    granted: Generated<string>;
  };
  tenantSecrets: {
    tenant: string;
    /** 32 random bytes in base 64. */
    secret: string;
    createdAt: Generated<Date>;
  };
  dataKeys: {
    id: string;
    /** Of the tenant: src/jobs/ids.ts. */
    tag: string;
    masterKeyId: string;
    /** In base 64; null once it is destroyed. */
    wrapped: string | null;
    createdAt: Generated<Date>;
    destroyedAt: Generated<Date | null>;
  };
  files: {
    id: string;
    tenant: string;
    jobId: string;
    name: string;
    contentType: string;
    size: ChangingBigInteger;
    /** Empty once it has expired. */
    sha256: string;
    createdAt: ColumnType<Date, Date, Date>;
    expiresAt: Generated<Date | null>;
    intermediate: Generated<boolean>;
    linkSeconds: Generated<number | null>;
    maxDownloads: Generated<number | null>;
    downloads: Generated<number>;
    lastDownloadedAt: Generated<Date | null>;
    state: Generated<FileState>;
    /** JSON text, as what follows. */
    rejection: Generated<string | null>;
    checks: Generated<string | null>;
  };
  deliveries: {
    jobId: string;
    seq: number;
    tenant: string;
    state: DeliveryState;
    fence: number;
    doubted: boolean;
    /** Attempts of one call that failed for our own settings. */
    held: number;
    messageId: string;
    recipientHash: string;
    provider: string | null;
    code: string | null;
    response: string | null;
    createdAt: Generated<Date>;
    changedAt: Generated<Date>;
  };
  emailTemplates: VersionColumns & {
    [Name in 'schema' | 'subject']: ColumnType<string, string, never>;
  } & {
    [Name in 'html' | 'text']: ColumnType<string | null, string | null, never>;
  };
  dataSources: {
    [Name in 'tenant' | 'name']: ColumnType<string, string, never>;
  } & {
    /** JSON text. */
    [Name in 'settings' | 'secretNames']: string;
  } & {
    [Name in 'description' | 'keyId' | 'sealed']: string | null;
  } & {
    version: number;
    changedAt: Generated<Date>;
  };
  reportDefinitions: VersionColumns;
  uploadPresets: VersionColumns;
  suppressions: {
    [Name in Exclude<keyof Suppression, 'createdAt'>]: ColumnType<Suppression[Name], Suppression[Name], never>;
  } & {
    tenant: ColumnType<string, string, never>;
    createdAt: ColumnType<Date, never, never>;
  };
  reportExtracts: {
    tenant: ColumnType<string, string, never>;
    /** `extractionKey` of `src/jobs/report-cache.ts`. */
    key: ColumnType<string, string, never>;
    fileId: string;
    rows: ChangingBigInteger;
    madeAt: Date;
  };
  providerMessages: {
    /** `<service> <id>`. */
    name: ColumnType<string, string, never>;
    jobId: ColumnType<string, string, never>;
    seq: ColumnType<number, number, never>;
    createdAt: ColumnType<Date, never, never>;
  };
  /** Rows are only ever added. */
  auditLog: {
    [Name in 'id' | 'tenant' | 'actor' | 'action']: ColumnType<string, string, never>;
  } & {
    [Name in 'target' | 'reason' | 'address' | 'requestId']: ColumnType<string | null, string | null, never>;
  } & {
    /** The order within a millisecond. */
    seq: ColumnType<string, never, never>;
    at: ColumnType<Date, Date | undefined, never>;
    outcome: ColumnType<AuditEntry['outcome'], AuditEntry['outcome'], never>;
    /** Written as JSON text. */
    details: ColumnType<AuditDetails | null, string | null, never>;
  };
}
