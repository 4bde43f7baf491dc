import { createHmac, timingSafeEqual } from 'node:crypto';

import type { LinkedFile } from '../jobs/definition.ts';
import type { TenantKeys } from '../jobs/tenant-keys.ts';

const hourMs = 60 * 60 * 1000;

/**
 * Unix seconds: a full hour, one to two hours from now. Links made within the same hour are equal, so that what carries
 * them stays the same, too.
 */
function expiryAt(nowMs: number): string {
  return String(((Math.floor(nowMs / hourMs) + 2) * hourMs) / 1000);
}

/** Signs the links to many files of one tenant that all expire at the same time. */
async function signerOf(tenantKeys: TenantKeys, tenant: string, expires: string): Promise<(id: string) => string> {
  const key = await tenantKeys.mac(tenant, 'file link', expires);
  return (id) => createHmac('sha256', key).update(id).digest('base64url');
}

/** The links of files of this tenant; their content needs no API key until it expires. @throws AppError `database_unavailable`. */
export async function fileLinksOf(tenantKeys: TenantKeys, tenant: string, nowMs: number): Promise<(id: string) => LinkedFile['links']> {
  const expires = expiryAt(nowMs);
  const sign = await signerOf(tenantKeys, tenant, expires);
  return (id) => {
    const self = `/v1/files/${id}`;
    return { self, content: `${self}/content?expires=${expires}&signature=${sign(id)}` };
  };
}

/** Whether we made this link to a file of this tenant, whatever the time. @throws AppError `database_unavailable`. */
export async function isOwnLink(
  tenantKeys: TenantKeys,
  { tenant, id, expires, signature }: { tenant: string; id: string; expires: string; signature: string },
): Promise<boolean> {
  // As text: several texts in base64url stand for the same bytes.
  const own = Buffer.from((await signerOf(tenantKeys, tenant, expires))(id));
  const given = Buffer.from(signature);
  return given.length === own.length && timingSafeEqual(given, own);
}
