import { type Kysely, type Migration, sql } from 'kysely';

/** Versions never change: only whether new jobs may have them. JSON lies as text, so that it comes back as it was. */
export const uploadPresets: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .createTable('upload_presets')
      .addColumn('tenant', 'text', (column) => column.notNull())
      .addColumn('name', 'text', (column) => column.notNull())
      .addColumn('version', 'integer', (column) => column.notNull())
      .addColumn('created_at', 'timestamptz(3)', (column) => column.notNull().defaultTo(sql`clock_timestamp()`))
      .addColumn('removed_at', 'timestamptz(3)')
      .addColumn('source', 'text', (column) => column.notNull())
      .addPrimaryKeyConstraint('upload_presets_pk', ['tenant', 'name', 'version'])
      .execute();
  },
};
