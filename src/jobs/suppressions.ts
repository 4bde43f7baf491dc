import type { AuditEntry } from './audit.ts';

/** `unsubscribe`: the recipient wants no bulk mail; the others say that mail must not, or can not, go there. */
export const suppressionReasons = ['bounce', 'complaint', 'unsubscribe', 'manual'] as const;
export type SuppressionReason = (typeof suppressionReasons)[number];

/** Which mail: `all` is both of the others. */
export const suppressionCategories = ['all', 'transactional', 'bulk'] as const;
export type SuppressionCategory = (typeof suppressionCategories)[number];

export const usualCategory = (reason: SuppressionReason): SuppressionCategory => (reason === 'unsubscribe' ? 'bulk' : 'all');

/** One of each address, category and reason: to lift a bounce does not lift a complaint. */
export interface NewSuppression {
  /** As `normalisedAddress` gives it. */
  address: string;
  category: SuppressionCategory;
  reason: SuppressionReason;
  note?: string | undefined;
}

export interface Suppression {
  /** `supp_`, like other ids. */
  id: string;
  address: string;
  category: SuppressionCategory;
  reason: SuppressionReason;
  note: string | null;
  createdAt: Date;
}

export interface SuppressionFilter {
  /** As `normalisedAddress` gives it. */
  address?: string | undefined;
  reason?: SuppressionReason | undefined;
  category?: SuppressionCategory | undefined;
}

export interface SuppressionPage {
  /** Newest first. */
  items: Suppression[];
  /** To go on from; null: there is no more. */
  next: string | null;
}

/** All of these throw AppError `database_unavailable`. What is given an audit entry writes it, with the target, in the same transaction. */
export interface SuppressionList {
  /** @returns added false: it was there already, and stays as it is. */
  add(tenant: string, one: NewSuppression, entry?: AuditEntry): Promise<{ added: boolean; suppression: Suppression }>;
  /** A thousand at a time, each thousand in one transaction: what is there already stays as it is. @returns how many were added. */
  addAll(tenant: string, all: readonly NewSuppression[]): Promise<number>;
  /** @returns false: there is no such one of this tenant. */
  remove(tenant: string, id: string, entry: AuditEntry): Promise<boolean>;
  /** @param page `from`: the `next` of a page with the same filter. */
  list(tenant: string, filter: SuppressionFilter, page: { limit: number; from?: string | undefined }): Promise<SuppressionPage>;
  /** For what comes without a key, whenever it comes. @returns false: nothing is known of such a tenant, or nothing any more. */
  unsubscribe(tenant: string, address: string): Promise<boolean>;
}
