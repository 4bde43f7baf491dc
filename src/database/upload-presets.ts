import { type Kysely, type Selectable, sql } from 'kysely';

import { AppError } from '../errors.ts';
import type { PresetSource, PresetStore, PresetVersion } from '../jobs/upload-presets.ts';
import { writeAudit } from './audit-log.ts';
import { reachable } from './outage.ts';
import type { Database } from './schema.ts';

type Put = { made: boolean; version: PresetVersion };

function versionOf({ name, version, createdAt, source }: Selectable<Database['uploadPresets']>): PresetVersion {
  return { name, version, createdAt, source: JSON.parse(source) as PresetSource };
}

export function createPresetStore(db: Kysely<Database>): PresetStore {
  const shown = (tenant: string) => db.selectFrom('uploadPresets').selectAll().where('tenant', '=', tenant).where('removedAt', 'is', null);

  return {
    put: async ({ tenant, name, source, ifVersion }, entry) => {
      const outcome = await reachable(() =>
        db.transaction().execute(async (transaction): Promise<Put | { newest: number }> => {
          // One after the other for each name, for as long as the transaction takes.
          await sql`select pg_advisory_xact_lock(hashtextextended(${`upload preset ${tenant} ${name}`}, 0))`.execute(transaction);
          const of = transaction.selectFrom('uploadPresets').selectAll().where('tenant', '=', tenant).where('name', '=', name);
          const last = await of.orderBy('version', 'desc').limit(1).executeTakeFirst();
          const newest = last?.removedAt === null ? last : undefined;
          if (ifVersion !== undefined && ifVersion !== (newest?.version ?? 0)) return { newest: newest?.version ?? 0 };
          const text = JSON.stringify(source);
          const made = newest?.source !== text;
          const version = made ? (last?.version ?? 0) + 1 : newest.version;
          await writeAudit(transaction, { ...entry, tenant, target: name, details: { version, new: made } });
          if (!made) return { made, version: versionOf(newest) };
          const row = transaction.insertInto('uploadPresets').values({ tenant, name, version, source: text }).returningAll();
          return { made, version: versionOf(await row.executeTakeFirstOrThrow()) };
        }),
      );
      if ('made' in outcome) return outcome;
      // A conflict is an answer, and no outage.
      const now = outcome.newest === 0 ? 'there is none' : `it is ${String(outcome.newest)}`;
      throw new AppError('precondition_failed', `This is not the newest version: ${now}.`);
    },

    find: (tenant, name, version) =>
      reachable(async () => {
        const all = shown(tenant).where('name', '=', name);
        const these = version === undefined ? all : all.where('version', '=', version);
        const row = await these.orderBy('version', 'desc').limit(1).executeTakeFirst();
        return row && versionOf(row);
      }),

    list: (tenant, { limit, from }) =>
      reachable(async () => {
        const all = shown(tenant).distinctOn('name');
        const after = from === undefined ? all : all.where('name', '>', from);
        const ordered = after.orderBy('name').orderBy('version', 'desc');
        const rows = await ordered.limit(limit + 1).execute();
        const items = rows.slice(0, limit).map(versionOf);
        return { items, next: rows.length > limit ? (items.at(-1)?.name ?? null) : null };
      }),

    remove: (tenant, name, entry) =>
      reachable(() =>
        db.transaction().execute(async (transaction) => {
          const hidden = transaction.updateTable('uploadPresets').set({ removedAt: new Date() });
          const these = hidden.where('tenant', '=', tenant).where('name', '=', name).where('removedAt', 'is', null);
          const { numUpdatedRows } = await these.executeTakeFirst();
          if (numUpdatedRows > 0n) await writeAudit(transaction, { ...entry, tenant, target: name });
          return numUpdatedRows > 0n;
        }),
      ),
  };
}
