import { type Kysely, type Migration, sql } from 'kysely';

export const suppressions: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .createTable('suppressions')
      .addColumn('id', 'text', (column) => column.primaryKey())
      .addColumn('tenant', 'text', (column) => column.notNull())
      .addColumn('address', 'text', (column) => column.notNull())
      .addColumn('category', 'text', (column) => column.notNull().check(sql`category in ('all', 'transactional', 'bulk')`))
      .addColumn('reason', 'text', (column) => column.notNull().check(sql`reason in ('bounce', 'complaint', 'unsubscribe', 'manual')`))
      .addColumn('note', 'text')
      .addColumn('created_at', 'timestamptz(3)', (column) => column.notNull().defaultTo(sql`clock_timestamp()`))
      // Each message asks by tenant and address.
      .addUniqueConstraint('suppressions_once', ['tenant', 'address', 'category', 'reason'])
      .execute();
    await db.schema.createIndex('suppressions_newest').on('suppressions').columns(['tenant', 'created_at', 'id']).execute();
    // Services tell of a message by a name of their own. A table beside the ledger, so that its rows change without an index.
    await db.schema
      .createTable('provider_messages')
      .addColumn('name', 'text', (column) => column.primaryKey())
      .addColumn('job_id', 'text', (column) => column.notNull())
      .addColumn('seq', 'integer', (column) => column.notNull())
      .addColumn('created_at', 'timestamptz', (column) => column.notNull().defaultTo(sql`clock_timestamp()`))
      .execute();
    await db.schema.createIndex('provider_messages_created').on('provider_messages').column('created_at').execute();
  },
};
