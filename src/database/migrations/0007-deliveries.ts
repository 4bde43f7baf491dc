import { type Kysely, type Migration, sql } from 'kysely';

/** What became of each message to each recipient. No addresses. */
export const deliveries: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .createTable('deliveries')
      .addColumn('job_id', 'text', (column) => column.notNull())
      .addColumn('seq', 'integer', (column) => column.notNull())
      .addColumn('tenant', 'text', (column) => column.notNull())
      .addColumn('state', 'text', (column) =>
        column
          .notNull()
          .defaultTo('queued')
          .check(sql`state in ('queued', 'sending', 'sent', 'failed', 'suppressed', 'in_doubt')`),
      )
      .addColumn('fence', 'integer', (column) => column.notNull().defaultTo(1))
      .addColumn('doubted', 'boolean', (column) => column.notNull().defaultTo(false))
      .addColumn('held', 'integer', (column) => column.notNull().defaultTo(0))
      .addColumn('message_id', 'text', (column) => column.notNull())
      .addColumn('recipient_hash', 'text', (column) => column.notNull())
      .addColumn('provider', 'text')
      .addColumn('code', 'text')
      .addColumn('response', 'text')
      .addColumn('created_at', 'timestamptz', (column) => column.notNull().defaultTo(sql`clock_timestamp()`))
      .addColumn('changed_at', 'timestamptz', (column) => column.notNull().defaultTo(sql`clock_timestamp()`))
      .addPrimaryKeyConstraint('deliveries_pk', ['job_id', 'seq'])
      // Each row is changed about three times, and no index has to know: there is room for that on its page.
      .modifyEnd(sql`with (fillfactor = 60)`)
      .execute();
    await db.schema.createIndex('deliveries_message').on('deliveries').column('message_id').execute();
    await db.schema.createIndex('deliveries_created').on('deliveries').column('created_at').execute();
  },
};
