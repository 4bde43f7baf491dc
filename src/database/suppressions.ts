import { type Kysely, sql, type Transaction } from 'kysely';

import type { Suppressions } from '../../activities/mail-ports.ts';
import type { NewSuppression, SuppressionList, SuppressionReason } from '../jobs/suppressions.ts';
import { writeAudit } from './audit-log.ts';
import { groupCommit } from './group-commit.ts';
import { reachable } from './outage.ts';
import type { Database } from './schema.ts';

/** Rows that one statement adds. */
const batch = 1_000;

const shown = ['id', 'address', 'category', 'reason', 'note', 'createdAt'] as const;

/** Which reason is told when there are several: what the recipient has said goes first. */
const weight: Record<SuppressionReason, number> = { complaint: 3, unsubscribe: 2, manual: 1, bounce: 0 };

/** What ids and addresses are, says src/jobs. */
export interface SuppressionNames {
  newId: (tenant: string) => string;
  isOwnId: (id: string, tenant: string) => boolean;
  normalised: (address: string) => string;
}

type Entry = Pick<Row, 'tenant' | 'address' | 'category' | 'reason'>;
type Row = Omit<NewSuppression, 'note'> & { id: string; tenant: string; note: string | null };

const once = ['tenant', 'address', 'category', 'reason'] as const;

export function createSuppressions(db: Kysely<Database>, { newId, isOwnId, normalised }: SuppressionNames): SuppressionList & Suppressions {
  const rowOf = (tenant: string, { address, category, reason, note }: NewSuppression): Row => ({
    ...{ id: newId(tenant), tenant, address, category, reason, note: note ?? null },
  });

  const insert = (transaction: Kysely<Database>, rows: Row[]) =>
    transaction
      .insertInto('suppressions')
      .values(rows)
      .onConflict((conflict) => conflict.columns([...once]).doNothing())
      .returning(shown);

  const find = (transaction: Transaction<Database>, { tenant, address, category, reason }: Row) =>
    transaction
      .selectFrom('suppressions')
      .select(shown)
      .where('tenant', '=', tenant)
      .where('address', '=', address)
      .where('category', '=', category)
      .where('reason', '=', reason);

  // Each message of a batch asks: those at the same time ask together.
  const entriesOf = groupCommit<Pick<Row, 'tenant' | 'address'>, Entry[]>({
    keyOf: ({ tenant, address }) => `${tenant} ${address}`,
    commit: (items) =>
      reachable(async () => {
        const { rows } = await sql<Entry>`
          select tenant, address, category, reason from suppressions
          join unnest(${items.map(({ tenant }) => tenant)}::text[], ${items.map(({ address }) => address)}::text[])
            as wanted (tenant, address) using (tenant, address)`.execute(db);
        return items.map(({ tenant, address }) => rows.filter((row) => row.tenant === tenant && row.address === address));
      }),
  });

  const list: SuppressionList & Suppressions = {
    add: (tenant, one, entry) =>
      reachable(() =>
        db.transaction().execute(async (transaction) => {
          const row = rowOf(tenant, one);
          const added = await insert(transaction, [row]).executeTakeFirst();
          const suppression = added ?? (await find(transaction, row).executeTakeFirstOrThrow());
          const { id, category, reason } = suppression;
          if (entry !== undefined) await writeAudit(transaction, { ...entry, tenant, target: id, details: { category, reason } });
          return { added: added !== undefined, suppression };
        }),
      ),

    addAll: (tenant, all) =>
      reachable(async () => {
        let added = 0;
        // In one order, so that imports at the same time do not wait for one another in a circle.
        const sorted = [...all].sort((one, other) => (one.address < other.address ? -1 : 1));
        for (let from = 0; from < sorted.length; from += batch) {
          const rows = sorted.slice(from, from + batch).map((one) => rowOf(tenant, one));
          added += (await insert(db, rows).execute()).length;
        }
        return added;
      }),

    async remove(tenant, id, entry) {
      if (!isOwnId(id, tenant)) return false;
      return reachable(() =>
        db.transaction().execute(async (transaction) => {
          const row = await transaction
            .deleteFrom('suppressions')
            .where('id', '=', id)
            .where('tenant', '=', tenant)
            .returning(['category', 'reason'])
            .executeTakeFirst();
          if (row !== undefined) await writeAudit(transaction, { ...entry, tenant, target: id, details: row });
          return row !== undefined;
        }),
      );
    },

    list: (tenant, { address, reason, category }, { limit, from }) =>
      reachable(async () => {
        let query = db.selectFrom('suppressions').select(shown).where('tenant', '=', tenant);
        if (address !== undefined) query = query.where('address', '=', address);
        if (reason !== undefined) query = query.where('reason', '=', reason);
        if (category !== undefined) query = query.where('category', '=', category);
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
        return { items: rows.slice(0, limit), next: last === undefined ? null : `${String(last.createdAt.getTime())}.${last.id}` };
      }),

    async unsubscribe(tenant, address) {
      // Whoever was sent mail has one; it goes when the tenant is erased.
      const known = await reachable(() => db.selectFrom('tenantSecrets').select('tenant').where('tenant', '=', tenant).executeTakeFirst());
      if (known === undefined) return false;
      await list.add(tenant, { address, category: 'bulk', reason: 'unsubscribe' });
      return true;
    },

    async suppressed(tenant, addresses, category) {
      const wanted = new Map(addresses.map((address) => [address, normalised(address)]));
      const found = (await Promise.all([...new Set(wanted.values())].map((address) => entriesOf({ tenant, address })))).flat();
      const fitting = found.filter((entry) => entry.category === 'all' || entry.category === category);
      const reasons = new Map<string, SuppressionReason>();
      for (const { address, reason } of fitting.sort((one, other) => weight[one.reason] - weight[other.reason]))
        reasons.set(address, reason);
      return new Map(
        [...wanted].flatMap(([address, spelling]) => {
          const reason = reasons.get(spelling);
          return reason === undefined ? [] : [[address, reason] as const];
        }),
      );
    },

    async recipientRejected(tenant, address) {
      await list.add(tenant, { address: normalised(address), category: 'all', reason: 'bounce' });
    },
  };
  return list;
}
