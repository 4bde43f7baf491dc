import type { TenantKeys } from './tenant-keys.ts';

/** As two spellings of one address are the same: mail servers ignore case in practice, and in a domain always (RFC 5321, 2.4). */
export function normalisedAddress(address: string): string {
  return address.trim().normalize('NFC').toLowerCase();
}

/** By which a recipient can be found where no address may be kept; lower-case hex. */
export async function recipientHashOf(tenantKeys: TenantKeys, tenant: string, address: string): Promise<string> {
  return Buffer.from(await tenantKeys.mac(tenant, 'recipient', normalisedAddress(address))).toString('hex');
}
