import { CamelCasePlugin, Kysely, Migrator, PostgresDialect, type PostgresPool, sql } from 'kysely';
import pg from 'pg';

import { keysAndFiles } from './migrations/0001-keys-and-files.ts';
import { tenantSecrets } from './migrations/0002-tenant-secrets.ts';
import { keyScopes } from './migrations/0003-key-scopes.ts';
import { dataKeys } from './migrations/0004-data-keys.ts';
import { auditLog } from './migrations/0005-audit-log.ts';
import { limits } from './migrations/0006-limits.ts';
import { deliveries } from './migrations/0007-deliveries.ts';
import { emailTemplates } from './migrations/0008-email-templates.ts';
import { suppressions } from './migrations/0009-suppressions.ts';
import { reportExtracts } from './migrations/0010-report-extracts.ts';
import { dataSources } from './migrations/0011-data-sources.ts';
import { reportDefinitions } from './migrations/0012-report-definitions.ts';
import { fileRetention } from './migrations/0013-file-retention.ts';
import { uploadPresets } from './migrations/0014-upload-presets.ts';
import { fileChecks } from './migrations/0015-file-checks.ts';
import { presetEntries } from './migrations/0016-preset-entries.ts';
import { openPglite } from './pglite.ts';
import type { Database } from './schema.ts';

/** Hand-written, so that source and build agree and unused ones are noticed. Append-only. */
const migrations = {
  '0001-keys-and-files': keysAndFiles,
  '0002-tenant-secrets': tenantSecrets,
  '0003-key-scopes': keyScopes,
  '0004-data-keys': dataKeys,
  '0005-audit-log': auditLog,
  '0006-limits': limits,
  '0007-deliveries': deliveries,
  '0008-email-templates': emailTemplates,
  '0009-suppressions': suppressions,
  '0010-report-extracts': reportExtracts,
  '0011-data-sources': dataSources,
  '0012-report-definitions': reportDefinitions,
  '0013-file-retention': fileRetention,
  '0014-upload-presets': uploadPresets,
  '0015-file-checks': fileChecks,
  '0016-preset-entries': presetEntries,
};

export type DatabaseLocation = { url: string } | { directory: string };

/** How long a query may wait for a connection or an answer before it counts as an outage, in milliseconds. */
const patienceMs = 4_000;

function serverPool(url: string): PostgresPool {
  const pool = new pg.Pool({
    connectionString: url,
    max: 10,
    connectionTimeoutMillis: patienceMs,
    query_timeout: patienceMs,
    application_name: 'handoff',
  });
  // A connection that breaks while idle is replaced at its next use; without a listener it would end the process.
  pool.on('error', () => undefined);
  return pool;
}

/** Opens the database and brings its schema up to date, under Kysely's lock: processes that start at once wait for one another. */
export async function openDatabase(location: DatabaseLocation): Promise<Kysely<Database>> {
  const pool = 'url' in location ? serverPool(location.url) : await openPglite(location.directory);
  const db = new Kysely<Database>({ dialect: new PostgresDialect({ pool }), plugins: [new CamelCasePlugin()] });
  const { error } = await new Migrator({ db, provider: { getMigrations: () => Promise.resolve(migrations) } }).migrateToLatest();
  if (error !== undefined) {
    await db.destroy();
    throw error instanceof Error ? error : new Error('The database schema could not be brought up to date', { cause: error });
  }
  return db;
}

/** Resolves when the database answers. */
export async function checkDatabase(db: Kysely<Database>): Promise<void> {
  await sql`select 1`.execute(db);
}
