import { createHash } from 'node:crypto';
import { type Kysely, type Selectable, sql, type Transaction } from 'kysely';

import { AppError } from '../errors.ts';
import type { JsonSchema, TemplateEntry, TemplateSource, TemplateStore, TemplateVersion } from '../jobs/email-templates.ts';
import { writeAudit } from './audit-log.ts';
import { reachable } from './outage.ts';
import type { Database } from './schema.ts';

type Row = Selectable<Database['emailTemplates']>;

const entryOf = ({
  name,
  version,
  description,
  createdAt,
}: Pick<Row, 'name' | 'version' | 'description' | 'createdAt'>): TemplateEntry => ({
  ...{ name, version, description, createdAt },
});

function versionOf(row: Row): TemplateVersion {
  const { source, subject, html, text } = row;
  return { ...entryOf(row), source: JSON.parse(source) as TemplateSource, parts: { subject, html, text } };
}

/** One after the other for each name, for as long as the transaction takes. */
async function lock(transaction: Transaction<Database>, tenant: string, name: string): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtextextended(${`email template ${tenant} ${name}`}, 0))`.execute(transaction);
}

export function createTemplateStore(db: Kysely<Database>): TemplateStore {
  const shown = (tenant: string) => db.selectFrom('emailTemplates').where('tenant', '=', tenant).where('removedAt', 'is', null);
  const named = (tenant: string, name: string, version?: number) => {
    const all = shown(tenant).where('name', '=', name);
    return (version === undefined ? all : all.where('version', '=', version)).orderBy('version', 'desc').limit(1);
  };

  return {
    put: ({ tenant, name, source, parts, ifVersion }, entry) =>
      unlessConflict(() =>
        db.transaction().execute(async (transaction): Promise<Put | { newest: number }> => {
          await lock(transaction, tenant, name);
          const of = transaction.selectFrom('emailTemplates').selectAll().where('tenant', '=', tenant).where('name', '=', name);
          const last = await of.orderBy('version', 'desc').limit(1).executeTakeFirst();
          const newest = last?.removedAt === null ? last : undefined;
          if (ifVersion !== undefined && ifVersion !== (newest?.version ?? 0)) return { newest: newest?.version ?? 0 };
          const text = JSON.stringify(source);
          const digest = createHash('sha256').update(text).digest('hex');
          const made = newest?.source !== text;
          const version = made ? (last?.version ?? 0) + 1 : newest.version;
          await writeAudit(transaction, { ...entry, tenant, target: name, details: { version, new: made } });
          if (!made) return { made, version: versionOf(newest) };
          const row = await transaction
            .insertInto('emailTemplates')
            .values({
              ...{ tenant, name, version, digest, source: text, schema: JSON.stringify(source.schema), ...parts },
              description: source.description ?? null,
            })
            .returningAll()
            .executeTakeFirstOrThrow();
          return { made, version: versionOf(row) };
        }),
      ),

    find: (tenant, name, version) =>
      reachable(async () => {
        const row = await named(tenant, name, version).selectAll().executeTakeFirst();
        return row && versionOf(row);
      }),

    schemaOf: (tenant, name, version) =>
      reachable(async () => {
        const row = await named(tenant, name, version).select(['version', 'schema']).executeTakeFirst();
        return row && { version: row.version, schema: JSON.parse(row.schema) as JsonSchema };
      }),

    partsOf: (tenant, name, version) =>
      reachable(() => {
        const key = db.selectFrom('emailTemplates').where('tenant', '=', tenant).where('name', '=', name).where('version', '=', version);
        return key.select(['subject', 'html', 'text']).executeTakeFirst();
      }),

    list: (tenant, { limit, from }) =>
      reachable(async () => {
        const all = shown(tenant).distinctOn('name').select(['name', 'version', 'description', 'createdAt']);
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
        const all = shown(tenant).where('name', '=', name).select(['name', 'version', 'description', 'createdAt']);
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
          const hidden = transaction.updateTable('emailTemplates').set({ removedAt: new Date() });
          const these = hidden.where('tenant', '=', tenant).where('name', '=', name).where('removedAt', 'is', null);
          const { numUpdatedRows } = await these.executeTakeFirst();
          if (numUpdatedRows > 0n) await writeAudit(transaction, { ...entry, tenant, target: name });
          return numUpdatedRows > 0n;
        }),
      ),
  };
}

type Put = { made: boolean; version: TemplateVersion };

/** A conflict is an answer, and no outage. */
async function unlessConflict(put: () => Promise<Put | { newest: number }>): Promise<Put> {
  const outcome = await reachable(put);
  if ('made' in outcome) return outcome;
  const now = outcome.newest === 0 ? 'there is none' : `it is ${String(outcome.newest)}`;
  throw new AppError('precondition_failed', `This is not the newest version: ${now}.`);
}

function pageOf(rows: TemplateEntry[], limit: number, keyOf: (row: TemplateEntry) => string) {
  const items = rows.slice(0, limit).map(entryOf);
  const last = items.at(-1);
  return { items, next: rows.length > limit && last !== undefined ? keyOf(last) : null };
}
