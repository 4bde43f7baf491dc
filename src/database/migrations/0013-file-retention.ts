import { type Kysely, type Migration, sql } from 'kysely';

/** How long a file is kept, and how often it may be had by a link. */
export const fileRetention: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .alterTable('files')
      // Once it has passed, only the id, the owner and the times stay for a while.
      .addColumn('expires_at', 'timestamptz')
      // Needed only until its job has ended.
      .addColumn('intermediate', 'boolean', (column) => column.notNull().defaultTo(false))
      .addColumn('link_seconds', 'integer')
      .addColumn('max_downloads', 'integer')
      .addColumn('downloads', 'integer', (column) => column.notNull().defaultTo(0))
      .addColumn('last_downloaded_at', 'timestamptz')
      .execute();
    await db.schema.createIndex('files_expiring').on('files').column('expires_at').where('expires_at', 'is not', null).execute();
    await db.schema.createIndex('files_intermediate').on('files').column('job_id').where(sql.ref('intermediate'), '=', true).execute();
    await db.schema.createIndex('files_newest').on('files').columns(['tenant', 'created_at', 'id']).execute();
  },
};
