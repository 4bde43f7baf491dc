/** In the place of a tenant, for what is read before its tenant can be trusted; no tenant has such a name. */
export const installation = ':installation';

/** Keyed hashes that only this installation can make, different for each tenant. */
export interface TenantKeys {
  /**
   * HMAC-SHA-256 of the value; the same in every process. The purpose keeps uses apart: `label`, `cursor`, `file link`, `job token`,
   * `recipient` (in the delivery ledger), `unsubscribe`.
   * @throws AppError `database_unavailable`.
   */
  mac(
    tenant: string,
    purpose: 'label' | 'cursor' | 'file link' | 'job token' | 'recipient' | 'unsubscribe',
    value: string,
  ): Promise<Uint8Array>;
}
