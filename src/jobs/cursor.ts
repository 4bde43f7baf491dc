import { timingSafeEqual } from 'node:crypto';

import { AppError } from '../errors.ts';
import type { TenantKeys } from './tenant-keys.ts';

const macBytes = 32;

function macOf(tenantKeys: TenantKeys, tenant: string, query: string, pageToken: Uint8Array): Promise<Uint8Array> {
  return tenantKeys.mac(tenant, 'cursor', `${query}\n${Buffer.from(pageToken).toString('base64url')}`);
}

/**
 * Temporal's page token, good only for this tenant and this query: Temporal itself would take any token with any query.
 * @throws AppError `database_unavailable`.
 */
export async function sealCursor(tenantKeys: TenantKeys, tenant: string, query: string, pageToken: Uint8Array): Promise<string> {
  return Buffer.concat([await macOf(tenantKeys, tenant, query, pageToken), pageToken]).toString('base64url');
}

/** @throws AppError `invalid_cursor`, `database_unavailable`. */
export async function openCursor(tenantKeys: TenantKeys, tenant: string, query: string, cursor: string): Promise<Uint8Array> {
  const bytes = Buffer.from(cursor, 'base64url');
  const [mac, pageToken] = [bytes.subarray(0, macBytes), bytes.subarray(macBytes)];
  const own = await macOf(tenantKeys, tenant, query, pageToken);
  // Several texts in base64url stand for the same bytes: only ours is taken.
  const intact = bytes.toString('base64url') === cursor && mac.length === own.length && timingSafeEqual(mac, own);
  if (intact) return pageToken;
  const detail = 'is not a nextCursor that was given for these filters';
  throw new AppError('invalid_cursor', `cursor: ${detail}.`, { errors: [{ pointer: '#query:cursor', detail }] });
}
