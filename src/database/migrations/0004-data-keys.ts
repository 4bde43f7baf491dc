import { type Kysely, type Migration, sql } from 'kysely';

/** The keys that encrypt payloads, themselves encrypted by a master key. One that is destroyed stays as a row without it. */
export const dataKeys: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .createTable('data_keys')
      .addColumn('id', 'text', (column) => column.primaryKey())
      .addColumn('tag', 'text', (column) => column.notNull())
      .addColumn('master_key_id', 'text', (column) => column.notNull())
      .addColumn('wrapped', 'text')
      .addColumn('created_at', 'timestamptz', (column) => column.notNull().defaultTo(sql`clock_timestamp()`))
      .addColumn('destroyed_at', 'timestamptz')
      .addCheckConstraint('data_keys_destroyed', sql`(wrapped is null) = (destroyed_at is not null)`)
      .execute();
    await db.schema.createIndex('data_keys_tag').on('data_keys').columns(['tag', 'created_at']).execute();
  },
};
