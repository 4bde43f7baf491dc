import { AppError } from '../errors.ts';
import type { Caller } from './api-keys.ts';
import type { AuditEntry } from './audit.ts';
import type { ConcurrencyLimits } from './concurrency.ts';
import type { EmailCost } from './definition.ts';
import type { FileStore } from './files.ts';

/** Of a tenant: `openJobs` are all that have not ended, each recipient of an e-mail counts, a day is one of UTC. */
export const countLimits = ['requestsPerMinute', 'openJobs', 'storedBytes', 'emailsPerDay'] as const;
export type CountLimit = (typeof countLimits)[number];

/** `concurrentJobs.<job type>`: how many jobs of a type work at once. More are not refused; they wait. */
export type LimitName = CountLimit | `concurrentJobs.${string}`;

/** What is not there is not limited. */
export type LimitValues = Partial<Record<LimitName, number>>;

/** null: no limit any more. */
export type LimitChanges = Partial<Record<LimitName, number | null>>;

/** Set by an operator of the installation, or by the tenant itself. The lower one counts. */
export type LimitLevel = 'ceiling' | 'own';

export type LimitsByLevel = Readonly<Record<LimitLevel, LimitValues>>;

/** Both throw AppError `database_unavailable`. */
export interface LimitSettings {
  read: (tenant: string) => Promise<LimitsByLevel>;
  /** The only way in which limits of tenants change: null removes one, what is not named stays. All of it or nothing, with its entry in the audit log. */
  set(tenant: string, level: LimitLevel, changes: LimitChanges, entry: Omit<AuditEntry, 'tenant'>): Promise<void>;
}

/** How a caller stands in the window that runs. */
export interface Standing {
  /** As `RateLimit` names it. */
  policy: string;
  limit: number;
  /** Other processes may have used some of it since. */
  remaining: number;
  windowSeconds: number;
  /** Until the window ends: at least 1. */
  resetSeconds: number;
}

export interface RequestVerdict {
  allowed: boolean;
  /** Empty where there is no limit. */
  standings: Standing[];
}

export interface Cost {
  jobs?: number;
  emails?: EmailCost | undefined;
}

export interface Charge {
  /** Once what was charged for was done, or may have been; or was certainly not, which gives the charge back. */
  settle(done: boolean): void;
}

export interface TenantStanding extends LimitsByLevel {
  effective: LimitValues;
  /** Not there where nobody counts. */
  used: Partial<Record<CountLimit, number>>;
}

/** What HTTP asks before it works. Changes count for every process within five seconds. */
export interface Limits extends ConcurrencyLimits {
  /**
   * Counts a request of the caller, for its tenant and, where that has a limit of its own, its key. It waits for the database at
   * most for its share of a new minute; while the database is away, every process goes on with a share of its own.
   */
  request(caller: Caller): Promise<RequestVerdict>;
  /** Counts a request that has no key that is known to be valid, by where it comes from; `giveBack`: it had one all the same. */
  keyless(address: string | undefined): RequestVerdict & { giveBack: () => void };
  /** @throws AppError `overloaded`. */
  assertAccepting(): void;
  /** What counts for the tenant now. From memory, but for the first time in five seconds. */
  of(tenant: string): Promise<LimitValues>;
  /** @throws AppError `limit_exceeded` when the tenant may not store so many bytes more. @param pointer as below. */
  assertRoom(tenant: string, bytes: number, pointer?: string): Promise<void>;
  /** The same files, whose `stage` throws AppError `limit_exceeded`. @param pointer to what is too large in the request. */
  files(tenant: string, files: FileStore, pointer?: string): FileStore;
  /** @throws AppError `limit_exceeded`; `database_unavailable`, for e-mails only. */
  charge(tenant: string, cost: Cost): Promise<Charge>;
  /** @throws AppError `database_unavailable`. */
  standingOf(tenant: string): Promise<TenantStanding>;
  /** Of the tenant itself. @throws AppError `value_out_of_range` above the ceiling, `database_unavailable`. */
  set(tenant: string, changes: LimitChanges, entry: AuditEntry): Promise<void>;
  /** How many requests were refused since the start, by limit. */
  refusals(): Readonly<Record<string, number>>;
}

/** Refused by a limit, not for what it is. */
export function isRefusal(error: unknown): error is AppError {
  return error instanceof AppError && (error.code === 'limit_exceeded' || error.code === 'overloaded');
}

/** A 503 of these says that nobody knows. */
const unknown = new Set(['temporal_unavailable', 'worker_unavailable']);

export const mayBeDone = (error: unknown): boolean => error instanceof AppError && unknown.has(error.code);

/** Charges for a job, and gives the charge back when there is certainly no new job. @throws as `charge` and `start`. */
export async function charged<T extends { started: boolean }>(
  limits: Pick<Limits, 'charge'>,
  { tenant, ...cost }: Cost & { tenant: string },
  start: () => Promise<T>,
): Promise<T> {
  const charge = await limits.charge(tenant, cost);
  try {
    const outcome = await start();
    charge.settle(outcome.started);
    return outcome;
  } catch (error) {
    charge.settle(mayBeDone(error));
    throw error;
  }
}
