import { type Kysely, type Migration, sql } from 'kysely';

export const limits: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .createTable('tenant_limits')
      .addColumn('tenant', 'text', (column) => column.notNull())
      .addColumn('level', 'text', (column) => column.notNull().check(sql`level in ('ceiling', 'own')`))
      .addColumn('name', 'text', (column) => column.notNull())
      .addColumn('value', 'int8', (column) => column.notNull())
      .addPrimaryKeyConstraint('tenant_limits_pk', ['tenant', 'level', 'name'])
      .execute();
    // One row for each, whatever window it is: nothing has to be swept.
    await db.schema
      .createTable('limit_windows')
      .addColumn('name', 'text', (column) => column.notNull())
      .addColumn('subject', 'text', (column) => column.notNull())
      .addColumn('window', 'int8', (column) => column.notNull())
      .addColumn('used', 'int8', (column) => column.notNull())
      .addColumn('granted', 'int8', (column) => column.notNull().defaultTo(0))
      .addPrimaryKeyConstraint('limit_windows_pk', ['name', 'subject'])
      .execute();
    await db.schema.alterTable('api_keys').addColumn('requests_per_minute', 'integer').execute();
    // The sum of a tenant's sizes is read from the index alone.
    await sql`create index files_tenant on files (tenant) include (size)`.execute(db);
  },
};
