import type { Kysely } from 'kysely';

import type { FileRecords } from '../storage/file-records.ts';
import { reachable } from './outage.ts';
import type { Database } from './schema.ts';

/** Rows that one statement changes: a request that wants one of them waits for no more than these. */
const batch = 500;

/** What the maintenance of the storage asks of the records of all tenants. */
export function createFileUpkeep(
  db: Kysely<Database>,
): Pick<FileRecords, 'referenced' | 'newestRejected' | 'expire' | 'forget' | 'jobsWithIntermediates' | 'removeIntermediates'> {
  return {
    referenced: (sha256s) =>
      reachable(async () => {
        if (sha256s.length === 0) return new Set();
        const all = db.selectFrom('files').select('sha256').distinct().where('sha256', 'in', sha256s);
        const rows = await all.where('state', '<>', 'rejected').execute();
        return new Set(rows.map((row) => row.sha256));
      }),

    newestRejected: (sha256) =>
      reachable(async () => {
        const rows = await db
          .selectFrom('files')
          .select(({ fn }) => ['state', fn.max('createdAt').as('newest')])
          .where('sha256', '=', sha256)
          .groupBy('state')
          .execute();
        const [only, ...others] = rows;
        return others.length === 0 && only?.state === 'rejected' ? only.newest : undefined;
      }),

    expire: (now) =>
      reachable(async () => {
        const some = db.selectFrom('files').select('id').where('expiresAt', '<=', now).where('sha256', '<>', '').limit(batch);
        const { numUpdatedRows } = await db
          .updateTable('files')
          .set({ name: '', contentType: '', size: 0, sha256: '', rejection: null, checks: null })
          .where('id', 'in', some)
          // It may have been made anew since.
          .where('expiresAt', '<=', now)
          .executeTakeFirst();
        return Number(numUpdatedRows);
      }),

    forget: (expiredBefore) =>
      reachable(async () => {
        const some = db.selectFrom('files').select('id').where('expiresAt', '<=', expiredBefore).limit(batch);
        const { numDeletedRows } = await db
          .deleteFrom('files')
          .where('id', 'in', some)
          .where('expiresAt', '<=', expiredBefore)
          .executeTakeFirst();
        return Number(numDeletedRows);
      }),

    jobsWithIntermediates: (createdBefore, after) =>
      reachable(async () => {
        const rows = await db
          .selectFrom('files')
          .select('jobId')
          .distinct()
          .where('intermediate', '=', true)
          .where('createdAt', '<', createdBefore)
          .where('jobId', '>', after)
          .orderBy('jobId')
          .limit(batch)
          .execute();
        return rows.map(({ jobId }) => jobId);
      }),

    removeIntermediates: (jobIds) =>
      reachable(async () => {
        if (jobIds.length === 0) return 0;
        const { numDeletedRows } = await db
          .deleteFrom('files')
          .where('intermediate', '=', true)
          .where('jobId', 'in', [...jobIds])
          .executeTakeFirst();
        return Number(numDeletedRows);
      }),
  };
}
