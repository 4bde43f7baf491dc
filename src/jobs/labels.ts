import type { TenantKeys } from './tenant-keys.ts';

/** Of a digest: too many to meet by chance, short enough for a search attribute. */
const bytes = 16;

/**
 * One label as Temporal may know it: search attributes are never encrypted, and equal labels of two tenants must not look equal.
 * Keys hold no `=`, so two different labels are never one text.
 * @throws AppError `database_unavailable`.
 */
export async function hashLabel(tenantKeys: TenantKeys, tenant: string, key: string, value: string): Promise<string> {
  const mac = await tenantKeys.mac(tenant, 'label', `${key}=${value}`);
  return Buffer.from(mac.subarray(0, bytes)).toString('base64url');
}

/** All labels of a job: for `StartOptions.labelHashes` and `Edit.labels`. @throws AppError `database_unavailable`. */
export async function hashLabels(tenantKeys: TenantKeys, tenant: string, labels: Record<string, string>): Promise<string[]> {
  return Promise.all(Object.entries(labels).map(([key, value]) => hashLabel(tenantKeys, tenant, key, value)));
}
