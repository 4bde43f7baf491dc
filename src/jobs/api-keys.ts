import type { AuditEntry } from './audit.ts';

/** What an API key may do. `submit`: start jobs. `read`: jobs and files. `operate`: steer, change and delete them. `admin`: all of this, and API keys. */
export const keyScopes = ['submit', 'read', 'operate', 'admin'] as const;

export type KeyScope = (typeof keyScopes)[number];

export function allows(held: readonly KeyScope[], needed: KeyScope): boolean {
  return held.includes(needed) || held.includes('admin');
}

/** Whose a valid key or access token is, and what it may do. */
export interface Caller {
  /** Of the key, or made from the subject of the access token; no secret, so it may be logged. */
  keyId: string;
  tenant: string;
  scopes: readonly KeyScope[];
  /** The key counts on this machine only: the development key. */
  localOnly: boolean;
  /** Of an access token: from then on it is not taken, in milliseconds since 1970. API keys are looked up again and again. */
  expiresAt?: number;
  /** A limit of the key's own, below that of its tenant. */
  requestsPerMinute?: number;
}

/** What may be told about a key. */
export interface ApiKey {
  /** `key_` and 26 hexadecimal digits. */
  id: string;
  name: string | null;
  /** The first characters of the key, to recognise it by. */
  prefix: string;
  scopes: readonly KeyScope[];
  createdAt: Date;
  expiresAt: Date | null;
  revokedAt: Date | null;
  /** Up to a minute late. */
  lastUsedAt: Date | null;
  /** null: as many as its tenant. */
  requestsPerMinute: number | null;
}

/** The key itself, which is shown once and never stored. */
export interface IssuedKey extends ApiKey {
  key: string;
}

export interface KeyOrder {
  tenant: string;
  scopes: readonly KeyScope[];
  name?: string;
  /** Default: it does not expire. */
  lifetimeSeconds?: number;
}

/** The longest `lifetimeSeconds`: ten years. */
export const maxLifetimeSeconds = 10 * 365 * 24 * 60 * 60;

/** All of these throw AppError `database_unavailable`. What changes something writes the audit entry, with target and details, in the same transaction. */
export interface ApiKeys {
  /** `undefined` for a key that is unknown, expired or revoked. A change counts for every process within five seconds. */
  callerOf(key: string): Promise<Caller | undefined>;
  /** In memory, and valid when it was looked up last. */
  knows(key: string): boolean;
  /** The same as `callerOf` by the id of a key, for what was made with it. */
  callerById(id: string): Promise<Caller | undefined>;
  create(order: KeyOrder, entry: AuditEntry): Promise<IssuedKey>;
  /** The newest 1,000, also those that are no longer valid. */
  list(tenant: string): Promise<ApiKey[]>;
  /** Harmless when repeated. @returns false: there is no such key of this tenant. */
  revoke(tenant: string, id: string, entry: AuditEntry): Promise<boolean>;
  /** Limits its requests; null: no more. @returns undefined: there is no such key of this tenant. */
  limit(tenant: string, id: string, requestsPerMinute: number | null, entry: AuditEntry): Promise<ApiKey | undefined>;
  /**
   * A new key with the same name, scopes, lifetime and limit; the old one expires after the overlap, or earlier, as it would have.
   * @returns undefined: there is no such key of this tenant. @throws AppError `api_key_not_active`.
   */
  rotate(tenant: string, id: string, overlapSeconds: number, entry: AuditEntry): Promise<IssuedKey | undefined>;
}
