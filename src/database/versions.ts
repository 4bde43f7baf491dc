import { createHash } from 'node:crypto';
import { type Kysely, sql, type Transaction } from 'kysely';

import { AppError } from '../errors.ts';
import type { NewVersion, VersionEntry, VersionPage, VersionStore } from '../jobs/versions.ts';
import { writeAudit } from './audit-log.ts';
import { reachable } from './outage.ts';
import type { Database, VersionColumns } from './schema.ts';

/** What tables of versions have in common; each may have columns of its own beside it. */
type Tables = Record<string, VersionColumns>;
type Row = VersionEntry & { source: string; removedAt: Date | null };

export interface VersionTable<Version, Own> {
  table: 'emailTemplates' | 'reportDefinitions' | 'uploadPresets';
  /** In the name of the lock that all processes take: it never changes. */
  kind: string;
  /** @param row with the columns that this table alone has. */
  versionOf: (row: Row & Own) => Version;
}

const listed = ['name', 'version', 'description', 'createdAt'] as const;

export const entryOf = ({ name, version, description, createdAt }: VersionEntry): VersionEntry => ({
  ...{ name, version, description, createdAt },
});

/** Names and their versions in one table. @typeParam Own columns that this table alone has; `put` takes them beside the source */
export function createVersions<Source extends { description?: string | undefined }, Version extends VersionEntry, Own extends object>(
  db: Kysely<Database>,
  { table, kind, versionOf }: VersionTable<Version, Own>,
): VersionStore<Version, NewVersion<Source> & { own: Own }> {
  const versionsIn = (executor: Kysely<Database>) => executor as unknown as Kysely<Tables>;
  const shown = (tenant: string) => versionsIn(db).selectFrom(table).where('tenant', '=', tenant).where('removedAt', 'is', null);
  /** One after the other for each name, for as long as the transaction takes. */
  const lock = async (transaction: Transaction<Database>, tenant: string, name: string): Promise<void> => {
    await sql`select pg_advisory_xact_lock(hashtextextended(${`${kind} ${tenant} ${name}`}, 0))`.execute(transaction);
  };
  const present = (row: Row) => versionOf(row as Row & Own);

  return {
    put: ({ tenant, name, source, own, ifVersion }, entry) =>
      unlessConflict(() =>
        db.transaction().execute(async (transaction): Promise<Put<Version> | { newest: number }> => {
          await lock(transaction, tenant, name);
          const of = versionsIn(transaction).selectFrom(table).selectAll().where('tenant', '=', tenant).where('name', '=', name);
          const last = await of.orderBy('version', 'desc').limit(1).executeTakeFirst();
          const newest = last?.removedAt === null ? last : undefined;
          if (ifVersion !== undefined && ifVersion !== (newest?.version ?? 0)) return { newest: newest?.version ?? 0 };
          const text = JSON.stringify(source);
          const digest = createHash('sha256').update(text).digest('hex');
          const made = newest?.source !== text;
          const version = made ? (last?.version ?? 0) + 1 : newest.version;
          await writeAudit(transaction, { ...entry, tenant, target: name, details: { version, new: made } });
          if (!made) return { made, version: present(newest) };
          const row = await versionsIn(transaction)
            .insertInto(table)
            .values({ ...{ tenant, name, version, digest, source: text }, description: source.description ?? null, ...own })
            .returningAll()
            .executeTakeFirstOrThrow();
          return { made, version: present(row) };
        }),
      ),

    find: (tenant, name, version) =>
      reachable(async () => {
        const all = shown(tenant).where('name', '=', name);
        const these = version === undefined ? all : all.where('version', '=', version);
        const row = await these.selectAll().orderBy('version', 'desc').limit(1).executeTakeFirst();
        return row && present(row);
      }),

    list: (tenant, { limit, from }) =>
      reachable(async () => {
        const all = shown(tenant).distinctOn('name').select(listed);
        const after = from === undefined ? all : all.where('name', '>', from);
        const rows = await after
          .orderBy('name')
          .orderBy('version', 'desc')
          .limit(limit + 1)
          .execute();
        return pageOf(rows, limit, ({ name }) => name);
      }),

    versions: (tenant, name, { limit, from }) =>
      reachable(async () => {
        const all = shown(tenant).where('name', '=', name).select(listed);
        const before = from === undefined ? all : all.where('version', '<', Number(from));
        const rows = await before
          .orderBy('version', 'desc')
          .limit(limit + 1)
          .execute();
        return pageOf(rows, limit, ({ version }) => String(version));
      }),

    remove: (tenant, name, entry) =>
      reachable(() =>
        db.transaction().execute(async (transaction) => {
          await lock(transaction, tenant, name);
          const hidden = versionsIn(transaction).updateTable(table).set({ removedAt: new Date() });
          const these = hidden.where('tenant', '=', tenant).where('name', '=', name).where('removedAt', 'is', null);
          const { numUpdatedRows } = await these.executeTakeFirst();
          if (numUpdatedRows > 0n) await writeAudit(transaction, { ...entry, tenant, target: name });
          return numUpdatedRows > 0n;
        }),
      ),
  };
}

interface Put<Version> {
  made: boolean;
  version: Version;
}

/** A conflict is an answer, and no outage. */
async function unlessConflict<Version>(put: () => Promise<Put<Version> | { newest: number }>): Promise<Put<Version>> {
  const outcome = await reachable(put);
  if ('made' in outcome) return outcome;
  const now = outcome.newest === 0 ? 'there is none' : `it is ${String(outcome.newest)}`;
  throw new AppError('precondition_failed', `This is not the newest version: ${now}.`);
}

function pageOf(rows: VersionEntry[], limit: number, keyOf: (row: VersionEntry) => string): VersionPage {
  const items = rows.slice(0, limit).map(entryOf);
  const last = items.at(-1);
  return { items, next: rows.length > limit && last !== undefined ? keyOf(last) : null };
}
