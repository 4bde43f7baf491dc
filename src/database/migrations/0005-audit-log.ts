import { type Kysely, type Migration, sql } from 'kysely';

/** Append-only: a trigger refuses UPDATE, DELETE and TRUNCATE, whoever asks. */
export const auditLog: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .createTable('audit_log')
      .addColumn('id', 'text', (column) => column.primaryKey())
      .addColumn('seq', 'int8', (column) => column.notNull().generatedAlwaysAsIdentity())
      .addColumn('at', 'timestamptz(3)', (column) => column.notNull().defaultTo(sql`clock_timestamp()`))
      .addColumn('tenant', 'text', (column) => column.notNull())
      .addColumn('actor', 'text', (column) => column.notNull())
      .addColumn('action', 'text', (column) => column.notNull())
      .addColumn('outcome', 'text', (column) => column.notNull().check(sql`outcome in ('accepted', 'refused')`))
      .addColumn('target', 'text')
      .addColumn('reason', 'text')
      .addColumn('details', 'jsonb')
      .addColumn('address', 'text')
      .addColumn('request_id', 'text')
      .execute();
    await db.schema.createIndex('audit_log_tenant').on('audit_log').columns(['tenant', 'at', 'seq']).execute();
    await db.schema.createIndex('audit_log_target').on('audit_log').columns(['tenant', 'target', 'at', 'seq']).execute();
    await sql`
      create function audit_log_is_append_only() returns trigger language plpgsql as $$
      begin
        raise exception 'audit_log is append-only' using errcode = 'insufficient_privilege';
      end $$`.execute(db);
    await sql`
      create trigger audit_log_append_only before update or delete or truncate on audit_log
      for each statement execute function audit_log_is_append_only()`.execute(db);
    // Also where session_replication_role switches other triggers off.
    await sql`alter table audit_log enable always trigger audit_log_append_only`.execute(db);
  },
};
