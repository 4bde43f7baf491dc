import { type Kysely, type Selectable, sql } from 'kysely';

import type { CheckResult, Rejection } from '../jobs/file-checks.ts';
import type { FileRecord, FileRecords } from '../storage/file-records.ts';
import { writeAudit } from './audit-log.ts';
import { createFileUpkeep } from './file-upkeep.ts';
import { reachable } from './outage.ts';
import type { Database } from './schema.ts';

const recordOf = (row: Selectable<Database['files']>): FileRecord => ({
  ...row,
  size: Number(row.size),
  rejection: row.rejection === null ? null : (JSON.parse(row.rejection) as Rejection),
  checks: row.checks === null ? null : (JSON.parse(row.checks) as CheckResult[]),
});

export function createFileRecords(db: Kysely<Database>): FileRecords {
  const own = (tenant: string, id: string) => db.updateTable('files').where('id', '=', id).where('tenant', '=', tenant);
  const find = (tenant: string, id: string) =>
    db.selectFrom('files').selectAll().where('id', '=', id).where('tenant', '=', tenant).executeTakeFirst();
  return {
    ...createFileUpkeep(db),

    async insert(record) {
      const row = await reachable(async () => {
        const { id, tenant, jobId, name, contentType, size, sha256, createdAt, expiresAt = null, intermediate = false } = record;
        const { state = 'ready' } = record;
        const values = { id, tenant, jobId, name, contentType, size, sha256, createdAt, expiresAt, intermediate, state };
        const inserted = await db
          .insertInto('files')
          .values(values)
          .onConflict((conflict) =>
            conflict
              .column('id')
              .doUpdateSet({ ...values, downloads: 0, lastDownloadedAt: null, rejection: null, checks: null })
              .where('files.tenant', '=', tenant)
              .where('files.expiresAt', '<=', createdAt),
          )
          .returningAll()
          .executeTakeFirst();
        return inserted ?? (await find(tenant, id));
      });
      if (row === undefined) throw new Error('A file id is taken by another tenant');
      return recordOf(row);
    },
    find: (tenant, id) =>
      reachable(async () => {
        const row = await find(tenant, id);
        return row && recordOf(row);
      }),
    list: (tenant, { jobId, createdAfter, createdBefore }, { limit, from }) =>
      reachable(async () => {
        let query = db.selectFrom('files').selectAll().where('tenant', '=', tenant).where('intermediate', '=', false);
        query = query.where((is) => is.or([is('expiresAt', 'is', null), is('expiresAt', '>', new Date())]));
        if (jobId !== undefined) query = query.where('jobId', '=', jobId);
        if (createdAfter !== undefined) query = query.where('createdAt', '>=', createdAfter);
        if (createdBefore !== undefined) query = query.where('createdAt', '<', createdBefore);
        if (from !== undefined) {
          const [at = '', id = ''] = from.split('.');
          query = query.where((is) => is(is.refTuple('createdAt', 'id'), '<', is.tuple(new Date(Number(at)), id)));
        }
        const rows = await query
          .orderBy('createdAt', 'desc')
          .orderBy('id', 'desc')
          .limit(limit + 1)
          .execute();
        const last = rows.length > limit ? rows[limit - 1] : undefined;
        const next = last === undefined ? null : `${String(last.createdAt.getTime())}.${last.id}`;
        return { items: rows.slice(0, limit).map(recordOf), next };
      }),
    judge: (tenant, id, { checks, rejection }) =>
      reachable(async () => {
        const row = await own(tenant, id)
          .where('state', '=', 'quarantined')
          .set({
            state: rejection === null ? 'ready' : 'rejected',
            rejection: rejection === null ? null : JSON.stringify(rejection),
            checks: JSON.stringify(checks),
          })
          .returningAll()
          .executeTakeFirst();
        const found = row ?? (await find(tenant, id));
        return found && recordOf(found);
      }),
    setTerms: (tenant, ids, { expiresAt, linkSeconds, maxDownloads }) =>
      reachable(async () => {
        if (ids.length === 0) return [];
        const changes = {
          ...(expiresAt !== undefined && { expiresAt: new Date(expiresAt) }),
          ...(linkSeconds !== undefined && { linkSeconds }),
          ...(maxDownloads !== undefined && { maxDownloads }),
        };
        const these = [...ids];
        if (Object.keys(changes).length > 0)
          await db.updateTable('files').set(changes).where('id', 'in', these).where('tenant', '=', tenant).execute();
        const rows = await db.selectFrom('files').selectAll().where('id', 'in', these).where('tenant', '=', tenant).execute();
        return rows.map(recordOf);
      }),
    downloads: {
      take: (tenant, id) =>
        reachable(async () => {
          const { numUpdatedRows } = await own(tenant, id)
            .set({ downloads: sql`downloads + 1` })
            .where((is) => is.or([is('maxDownloads', 'is', null), is('downloads', '<', is.ref('maxDownloads'))]))
            .executeTakeFirst();
          return numUpdatedRows > 0n;
        }),
      done: (tenant, id) =>
        reachable(async () => {
          await own(tenant, id).set({ lastDownloadedAt: new Date() }).execute();
        }),
      giveBack: (tenant, id) =>
        reachable(async () => {
          await own(tenant, id)
            .set({ downloads: sql`downloads - 1` })
            .where('downloads', '>', 0)
            .execute();
        }),
    },
    remove: (tenant, id, entry) =>
      reachable(() =>
        db.transaction().execute(async (transaction) => {
          const { numDeletedRows } = await transaction
            .deleteFrom('files')
            .where('id', '=', id)
            .where('tenant', '=', tenant)
            .executeTakeFirst();
          if (numDeletedRows > 0n) await writeAudit(transaction, { ...entry, tenant, target: id });
          return numDeletedRows > 0n;
        }),
      ),
    owner: (id) =>
      reachable(async () => {
        const row = await db.selectFrom('files').select('tenant').where('id', '=', id).executeTakeFirst();
        return row?.tenant;
      }),
  };
}
