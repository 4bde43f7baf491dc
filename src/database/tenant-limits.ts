import type { Kysely } from 'kysely';

import type { LimitLevel, LimitName, LimitSettings, LimitValues } from '../jobs/limits.ts';
import { writeAudit } from './audit-log.ts';
import { reachable } from './outage.ts';
import type { Database } from './schema.ts';

export function createTenantLimits(db: Kysely<Database>): LimitSettings {
  return {
    async read(tenant) {
      const rows = await reachable(() =>
        db.selectFrom('tenantLimits').select(['level', 'name', 'value']).where('tenant', '=', tenant).execute(),
      );
      const of = (wanted: LimitLevel): LimitValues =>
        Object.fromEntries(rows.flatMap(({ level, name, value }) => (level === wanted ? [[name, Number(value)]] : [])));
      return { ceiling: of('ceiling'), own: of('own') };
    },

    async set(tenant, level, changes, entry) {
      const all = Object.entries(changes) as [LimitName, number | null][];
      const values = all.flatMap(([name, value]) => (value === null ? [] : [{ tenant, level, name, value }]));
      const removed = all.flatMap(([name, value]) => (value === null ? [name] : []));
      await reachable(() =>
        db.transaction().execute(async (transaction) => {
          await writeAudit(transaction, { ...entry, tenant, target: null, details: { level, ...changes } });
          if (removed.length > 0)
            await transaction
              .deleteFrom('tenantLimits')
              .where('tenant', '=', tenant)
              .where('level', '=', level)
              .where('name', 'in', removed)
              .execute();
          if (values.length > 0)
            await transaction
              .insertInto('tenantLimits')
              .values(values)
              .onConflict((conflict) =>
                conflict.columns(['tenant', 'level', 'name']).doUpdateSet((row) => ({ value: row.ref('excluded.value') })),
              )
              .execute();
        }),
      );
    },
  };
}

/** What a tenant's files have together, in bytes. @throws AppError `database_unavailable`. */
export function storedBytesIn(db: Kysely<Database>): (tenant: string) => Promise<number> {
  return (tenant) =>
    reachable(async () => {
      const row = await db
        .selectFrom('files')
        .select(({ fn }) => fn.sum('size').as('sum'))
        .where('tenant', '=', tenant)
        // Their bytes are gone.
        .where('state', '<>', 'rejected')
        .executeTakeFirst();
      return Number(row?.sum ?? 0);
    });
}
