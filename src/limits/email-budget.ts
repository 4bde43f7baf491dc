/** E-mails of a tenant, counted exactly. All throw AppError `database_unavailable`. */
export interface EmailCounter {
  /** All of `count` or nothing. @returns false: that would be more than `limit` on that day. */
  add(tenant: string, day: number, count: number, limit: number): Promise<boolean>;
  takeBack(tenant: string, day: number, count: number): Promise<void>;
  used(tenant: string, day: number): Promise<number>;
}

export const dayMs = 86_400_000;
