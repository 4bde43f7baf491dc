import { classified } from './failures.ts';
import { type Beat, heartbeating } from './heartbeat.ts';

/** Of files of all tenants. All throw AppError `database_unavailable` or `storage_unavailable`, which are `retryable`. */
export interface StorageUpkeep {
  /** Some at a time. @returns how many; 0: there is none left. */
  expire(): Promise<number>;
  /** As `expire`. */
  forget(): Promise<number>;
  /** Some at a time. @param after the last one of the page before. */
  jobsWithIntermediates(after: string): Promise<string[]>;
  removeIntermediates(jobIds: readonly string[]): Promise<number>;
  /** Removes what is not referred to, and older than that. */
  sweep(options: { olderThanMs: number }): Promise<{ temporary: number; blobs: number }>;
}

export interface MaintenanceDependencies {
  storage: StorageUpkeep;
  /** Those that have ended, or are unknown. @throws AppError `temporal_unavailable`, which is `retryable`. */
  endedJobs: (jobIds: readonly string[]) => Promise<string[]>;
  /** @returns how many rows are gone. */
  sweepLedger: () => Promise<number>;
}

/** Longer than any upload takes: bytes lie there before a file has them. */
const leftOverMs = 24 * 60 * 60 * 1000;

/** All of it, page by page. */
async function untilNone(some: () => Promise<number>, each: (done: number) => void): Promise<number> {
  let done = 0;
  for (;;) {
    const more = await some();
    if (more === 0) return done;
    done += more;
    each(done);
  }
}

export function maintenanceActivities({ storage, endedJobs, sweepLedger }: MaintenanceDependencies) {
  async function removeIntermediates(each: (done: number) => void): Promise<number> {
    let removed = 0;
    let after = '';
    for (;;) {
      const jobIds = await storage.jobsWithIntermediates(after);
      const last = jobIds.at(-1);
      if (last === undefined) return removed;
      removed += await storage.removeIntermediates(await endedJobs(jobIds));
      each(removed);
      after = last;
    }
  }

  async function expire({ report, signal }: Beat) {
    const tell = (stage: string) => (done: number) => {
      signal.throwIfAborted();
      report({ done, total: null, unit: 'files', stage });
    };
    return {
      expiredFiles: await untilNone(() => storage.expire(), tell('expiring')),
      intermediateFiles: await removeIntermediates(tell('removing what ended jobs needed')),
      forgottenFiles: await untilNone(() => storage.forget(), tell('forgetting')),
    };
  }

  return {
    /** Takes name and bytes from files whose time is over, and all from those that only jobs needed which have ended. */
    expireFiles: () => classified(() => heartbeating(expire)),

    /** Removes the bytes that no file has any more, and what crashes left behind. */
    sweepStorage: () =>
      classified(() =>
        heartbeating(async () => {
          const { temporary: temporaryFiles, blobs } = await storage.sweep({ olderThanMs: leftOverMs });
          return { temporaryFiles, blobs };
        }),
      ),

    /** Removes rows of the delivery ledger that nothing can ask for any more. */
    sweepDeliveries: () => classified(() => heartbeating(async () => ({ deliveries: await sweepLedger() }))),
  };
}
