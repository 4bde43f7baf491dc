import { mailboxKey } from './email-address.ts';
import type { TenantKeys } from './tenant-keys.ts';

/**
 * One spelling for what is one mailbox almost everywhere: in lower case, in NFC, the domain in A-labels (RFC 5890). A server may tell
 * `Ada@` from `ada@` (RFC 5321, 2.4), but none in use does, and who does not want mail must not get it by another spelling.
 */
export function normalisedAddress(address: string): string {
  return mailboxKey(address.trim().normalize('NFC'));
}

/** By which a recipient can be found where no address may be kept; lower-case hex. @throws AppError `database_unavailable`. */
export async function recipientHashOf(tenantKeys: TenantKeys, tenant: string, address: string): Promise<string> {
  return Buffer.from(await tenantKeys.mac(tenant, 'recipient', normalisedAddress(address))).toString('hex');
}
