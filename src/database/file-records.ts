import type { Kysely, Selectable } from 'kysely';

import type { FileRecord, FileRecords } from '../storage/file-records.ts';
import { writeAudit } from './audit-log.ts';
import { reachable } from './outage.ts';
import type { Database } from './schema.ts';

const recordOf = (row: Selectable<Database['files']>): FileRecord => ({ ...row, size: Number(row.size) });

export function createFileRecords(db: Kysely<Database>): FileRecords {
  const find = (tenant: string, id: string) =>
    db.selectFrom('files').selectAll().where('id', '=', id).where('tenant', '=', tenant).executeTakeFirst();
  return {
    async insert(record) {
      const row = await reachable(async () => {
        const { id, tenant, jobId, name, contentType, size, sha256, createdAt } = record;
        const values = { id, tenant, jobId, name, contentType, size, sha256, createdAt };
        const inserted = await db
          .insertInto('files')
          .values(values)
          .onConflict((conflict) => conflict.column('id').doNothing())
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
    referenced: (sha256s) =>
      reachable(async () => {
        if (sha256s.length === 0) return new Set();
        const rows = await db.selectFrom('files').select('sha256').distinct().where('sha256', 'in', sha256s).execute();
        return new Set(rows.map((row) => row.sha256));
      }),
  };
}
