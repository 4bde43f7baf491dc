import { type Kysely, type Migration, sql } from 'kysely';

/** Keys that exist keep all that they could do. */
export const keyScopes: Migration = {
  async up(db: Kysely<unknown>) {
    const newId = sql`'key_' || substr(replace(gen_random_uuid()::text, '-', ''), 1, 26)`;
    await db.schema
      .alterTable('api_keys')
      .addColumn('id', 'text', (column) => column.notNull().unique().defaultTo(newId))
      .addColumn('name', 'text')
      .addColumn('scopes', sql`text[]`, (column) => column.notNull().defaultTo(sql`'{submit,read,operate,admin}'`))
      .addColumn('local_only', 'boolean', (column) => column.notNull().defaultTo(false))
      .addColumn('lifetime_seconds', 'integer')
      .addColumn('expires_at', 'timestamptz')
      .addColumn('revoked_at', 'timestamptz')
      .addColumn('last_used_at', 'timestamptz')
      .execute();
    // For rows that were there: whoever makes a key from now on must say what it may do.
    await db.schema
      .alterTable('api_keys')
      .alterColumn('id', (column) => column.dropDefault())
      .alterColumn('scopes', (column) => column.dropDefault())
      .execute();
    await db.schema.createIndex('api_keys_tenant').on('api_keys').columns(['tenant', 'created_at']).execute();
  },
};
