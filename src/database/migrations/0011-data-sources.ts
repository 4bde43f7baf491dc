import { type Kysely, type Migration, sql } from 'kysely';

/** What is secret lies sealed beside the rest. */
export const dataSources: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .createTable('data_sources')
      .addColumn('tenant', 'text', (column) => column.notNull())
      .addColumn('name', 'text', (column) => column.notNull())
      .addColumn('version', 'integer', (column) => column.notNull())
      .addColumn('description', 'text')
      .addColumn('settings', 'text', (column) => column.notNull())
      .addColumn('secret_names', 'text', (column) => column.notNull())
      .addColumn('key_id', 'text')
      .addColumn('sealed', 'text')
      .addColumn('changed_at', 'timestamptz(3)', (column) => column.notNull().defaultTo(sql`clock_timestamp()`))
      .addPrimaryKeyConstraint('data_sources_pk', ['tenant', 'name'])
      .addCheckConstraint('data_sources_sealed', sql`(key_id is null) = (sealed is null)`)
      .execute();
  },
};
