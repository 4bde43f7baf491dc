import type { Kysely, Migration } from 'kysely';

export const reportExtracts: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .createTable('report_extracts')
      .addColumn('tenant', 'text', (column) => column.notNull())
      .addColumn('key', 'text', (column) => column.notNull())
      .addColumn('file_id', 'text', (column) => column.notNull())
      .addColumn('rows', 'bigint', (column) => column.notNull())
      .addColumn('made_at', 'timestamptz(3)', (column) => column.notNull())
      .addPrimaryKeyConstraint('report_extracts_newest', ['tenant', 'key'])
      .execute();
  },
};
