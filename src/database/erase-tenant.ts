import type { Kysely } from 'kysely';

import type { AuditEntry } from '../jobs/audit.ts';
import { writeAudit } from './audit-log.ts';
import type { Database } from './schema.ts';

/** Who is known here, in whatever table. */
export async function knownTenants(db: Kysely<Database>): Promise<string[]> {
  const tables = [
    'apiKeys',
    'tenantSecrets',
    'files',
    'emailTemplates',
    'dataSources',
    'reportDefinitions',
    'uploadPresets',
    'suppressions',
  ] as const;
  const rows = await Promise.all(tables.map((table) => db.selectFrom(table).select('tenant').distinct().execute()));
  return [...new Set(rows.flat().map(({ tenant }) => tenant))];
}

/** Ends every API key of the tenant: the first step of its end, and so with the audit entry of all of it, in one transaction. */
export async function revokeKeys(db: Kysely<Database>, tenant: string, entry: Omit<AuditEntry, 'tenant'>): Promise<void> {
  await db.transaction().execute(async (transaction) => {
    await writeAudit(transaction, { ...entry, tenant, target: tenant });
    const keys = transaction.updateTable('apiKeys').where('tenant', '=', tenant).where('revokedAt', 'is', null);
    await keys.set({ revokedAt: new Date() }).execute();
  });
}

/** Removes what is known of the tenant, but for the fact that its keys existed, and the audit log. @returns how many files it had. */
export async function removeTenant(db: Kysely<Database>, tenant: string): Promise<{ files: number }> {
  return db.transaction().execute(async (transaction) => {
    const { numDeletedRows } = await transaction.deleteFrom('files').where('tenant', '=', tenant).executeTakeFirst();
    await transaction
      .deleteFrom('providerMessages')
      .where('jobId', 'in', transaction.selectFrom('deliveries').select('jobId').where('tenant', '=', tenant))
      .execute();
    await transaction.deleteFrom('deliveries').where('tenant', '=', tenant).execute();
    await transaction.deleteFrom('emailTemplates').where('tenant', '=', tenant).execute();
    await transaction.deleteFrom('dataSources').where('tenant', '=', tenant).execute();
    await transaction.deleteFrom('reportDefinitions').where('tenant', '=', tenant).execute();
    await transaction.deleteFrom('reportExtracts').where('tenant', '=', tenant).execute();
    await transaction.deleteFrom('uploadPresets').where('tenant', '=', tenant).execute();
    await transaction.deleteFrom('suppressions').where('tenant', '=', tenant).execute();
    await transaction.deleteFrom('tenantSecrets').where('tenant', '=', tenant).execute();
    await transaction.updateTable('apiKeys').set({ name: null }).where('tenant', '=', tenant).execute();
    return { files: Number(numDeletedRows) };
  });
}
