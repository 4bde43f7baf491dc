import { randomBytes } from 'node:crypto';
import type { Kysely, Selectable } from 'kysely';

import type { AuditAction, AuditEntry, AuditLog, AuditRecord } from '../jobs/audit.ts';
import { reachable } from './outage.ts';
import type { Database } from './schema.ts';

type Row = Selectable<Database['auditLog']>;

/** One insert. For what is done in the database: within the transaction that does it. */
export async function writeAudit(db: Kysely<Database>, entry: AuditEntry): Promise<void> {
  const { tenant, actor, action, outcome, target, reason, address, requestId } = entry;
  const details = entry.details === null ? null : JSON.stringify(entry.details);
  const id = `aud_${randomBytes(13).toString('hex')}`;
  await db.insertInto('auditLog').values({ id, tenant, actor, action, outcome, target, reason, details, address, requestId }).execute();
}

function recordOf({ id, at, actor, action, outcome, target, reason, details, address, requestId }: Row): AuditRecord {
  return { id, at, actor, action: action as AuditAction, outcome, target, reason, details, address, requestId };
}

export function createAuditLog(db: Kysely<Database>): AuditLog {
  return {
    record: (entry) => reachable(() => writeAudit(db, entry)),

    list: (tenant, { action, actor, target, after, before }, { limit, from }) =>
      reachable(async () => {
        let query = db.selectFrom('auditLog').selectAll().where('tenant', '=', tenant);
        if (action !== undefined) query = query.where('action', '=', action);
        if (actor !== undefined) query = query.where('actor', '=', actor);
        if (target !== undefined) query = query.where('target', '=', target);
        if (after !== undefined) query = query.where('at', '>=', after);
        if (before !== undefined) query = query.where('at', '<', before);
        if (from !== undefined) {
          const [at = '', seq = ''] = from.split('.');
          query = query.where((is) => is(is.refTuple('at', 'seq'), '<', is.tuple(new Date(Number(at)), seq)));
        }
        const rows = await query
          .orderBy('at', 'desc')
          .orderBy('seq', 'desc')
          .limit(limit + 1)
          .execute();
        const page = rows.slice(0, limit);
        const last = page.at(-1);
        const more = rows.length > limit && last !== undefined;
        return {
          items: page.map(recordOf),
          next: more ? `${String(last.at.getTime())}.${last.seq}` : null,
        };
      }),
  };
}
