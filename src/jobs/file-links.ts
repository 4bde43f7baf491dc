import { createHmac, timingSafeEqual } from 'node:crypto';

import type { LinkedFile } from './definition.ts';
import type { StoredFile } from './files.ts';
import type { TenantKeys } from './tenant-keys.ts';

/** What a link has to know of its file. */
export type LinkTarget = Pick<StoredFile, 'id' | 'expiresAt' | 'linkSeconds'>;

const hourMs = 60 * 60 * 1000;

/** Unix seconds, and not beyond the end of the file. */
function atMost(ms: number, { expiresAt }: LinkTarget): string {
  return String(Math.floor(Math.min(ms, expiresAt === undefined ? Infinity : Date.parse(expiresAt)) / 1000));
}

/**
 * One to two times as long as the file says, but an hour longer at most: on a round time. Links made until the next round time
 * are equal, so that what carries them stays the same, too.
 */
function expiryAt(nowMs: number, file: LinkTarget): string {
  const lifeMs = (file.linkSeconds ?? 3_600) * 1000;
  const step = Math.min(hourMs, lifeMs);
  return atMost((Math.floor(nowMs / step) + 1) * step + lifeMs, file);
}

const hmac = (key: Uint8Array, text: string) => createHmac('sha256', key).update(text).digest('base64url');

/** Links of old are signed with a key for each expiry; all that expire at times of their own, with one key. */
interface Keys {
  ofExpiry: (expires: string) => Promise<Uint8Array>;
  own: () => Promise<Uint8Array>;
}

function keysOf(tenantKeys: TenantKeys, tenant: string): Keys {
  return {
    ofExpiry: (expires) => tenantKeys.mac(tenant, 'file link', expires),
    own: () => tenantKeys.mac(tenant, 'file link', 'expires at any time'),
  };
}

const contentPath = (id: string, expires: string, signature: string) => `/v1/files/${id}/content?expires=${expires}&signature=${signature}`;

/** Links to the content of files of this tenant, which need no API key until they expire. @throws AppError `database_unavailable`. */
export interface FileLinks {
  /** As results show them: made anew whenever somebody looks. */
  shown(nowMs: number): Promise<(file: LinkTarget) => LinkedFile['links']>;
  /** The path of one that lasts until then, or until the file is gone. */
  lasting(until: Date): Promise<(file: LinkTarget) => { path: string; expiresAt: Date }>;
}

export function fileLinksOf(tenantKeys: TenantKeys, tenant: string): FileLinks {
  const keys = keysOf(tenantKeys, tenant);
  return {
    async shown(nowMs) {
      const usual = expiryAt(nowMs, { id: '' });
      const [ofUsual, own] = await Promise.all([keys.ofExpiry(usual), keys.own()]);
      return (file) => {
        const expires = expiryAt(nowMs, file);
        const signature = expires === usual ? hmac(ofUsual, file.id) : hmac(own, `${file.id} ${expires}`);
        return { self: `/v1/files/${file.id}`, content: contentPath(file.id, expires, signature) };
      };
    },
    async lasting(until) {
      const own = await keys.own();
      return (file) => {
        const expires = atMost(until.getTime(), file);
        return { path: contentPath(file.id, expires, hmac(own, `${file.id} ${expires}`)), expiresAt: new Date(Number(expires) * 1000) };
      };
    },
  };
}

/** Whether we made this link to a file of this tenant, whatever the time. @throws AppError `database_unavailable`. */
export async function isOwnLink(
  tenantKeys: TenantKeys,
  { tenant, id, expires, signature }: { tenant: string; id: string; expires: string; signature: string },
): Promise<boolean> {
  const keys = keysOf(tenantKeys, tenant);
  const [ofExpiry, lasting] = await Promise.all([keys.ofExpiry(expires), keys.own()]);
  // As text: several texts in base64url stand for the same bytes.
  const given = Buffer.from(signature);
  const isGiven = (made: string) => {
    const own = Buffer.from(made);
    return given.length === own.length && timingSafeEqual(given, own);
  };
  const [asOfOld, asNow] = [isGiven(hmac(ofExpiry, id)), isGiven(hmac(lasting, `${id} ${expires}`))];
  return asOfOld || asNow;
}
