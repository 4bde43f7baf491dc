import { type Kysely, type Migration, sql } from 'kysely';

export const tenantSecrets: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .createTable('tenant_secrets')
      .addColumn('tenant', 'text', (column) => column.primaryKey())
      .addColumn('secret', 'text', (column) => column.notNull())
      .addColumn('created_at', 'timestamptz', (column) => column.notNull().defaultTo(sql`now()`))
      .execute();
  },
};
