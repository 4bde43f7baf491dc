import { type Kysely, type Migration, sql } from 'kysely';

/** Whether anybody may have a file, and what was found out about it. JSON lies as text. */
export const fileChecks: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .alterTable('files')
      // What is there was received before there were checks.
      .addColumn('state', 'text', (column) =>
        column
          .notNull()
          .defaultTo('ready')
          .check(sql`state in ('ready', 'quarantined', 'rejected')`),
      )
      .addColumn('rejection', 'text')
      .addColumn('checks', 'text')
      .execute();
  },
};
