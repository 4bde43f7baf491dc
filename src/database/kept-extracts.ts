import type { Kysely } from 'kysely';

import type { KeptExtracts } from '../../activities/report-ports.ts';
import { reachable } from './outage.ts';
import type { Database } from './schema.ts';

/** The newest result of each query of a tenant; what nobody can ask for any more goes when another one comes. */
export function createKeptExtracts(
  db: Kysely<Database>,
  { keyOf, longestCacheSeconds }: Pick<KeptExtracts, 'keyOf'> & { longestCacheSeconds: number },
): KeptExtracts {
  return {
    keyOf,
    find: (tenant, key) =>
      reachable(async () => {
        const row = await db
          .selectFrom('reportExtracts')
          .select(['fileId', 'rows', 'madeAt'])
          .where('tenant', '=', tenant)
          .where('key', '=', key)
          .executeTakeFirst();
        return row && { ...row, rows: Number(row.rows) };
      }),
    keep: (tenant, key, { fileId, rows, madeAt }) =>
      reachable(async () => {
        const oldest = new Date(madeAt.getTime() - longestCacheSeconds * 1000);
        await db.deleteFrom('reportExtracts').where('tenant', '=', tenant).where('madeAt', '<', oldest).execute();
        await db
          .insertInto('reportExtracts')
          .values({ tenant, key, fileId, rows, madeAt })
          .onConflict((conflict) => conflict.columns(['tenant', 'key']).doUpdateSet({ fileId, rows, madeAt }))
          .execute();
      }),
  };
}
