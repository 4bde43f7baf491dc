import { createHash, randomBytes } from 'node:crypto';
import type { Kysely } from 'kysely';

import { reachable } from './outage.ts';
import type { Database } from './schema.ts';

/** How long a looked-up key is trusted without asking again: a removed key stops working within this time. In milliseconds. */
const freshMs = 5_000;
/** Bounds the memory that wrong keys can take. */
const capacity = 10_000;

const hashOf = (key: string) => createHash('sha256').update(key).digest('hex');

export interface ApiKeyStore {
  /** Whom a key belongs to; `undefined` for an unknown one. @throws AppError `database_unavailable`. */
  tenantOf(key: string): Promise<string | undefined>;
  /** Makes this key valid for the tenant; harmless when it is already. */
  add(tenant: string, key: string): Promise<void>;
}

/** 256 random bits, with a prefix that secret scanners can recognise. */
export function newApiKey(): string {
  return `hk_${randomBytes(32).toString('base64url')}`;
}

export function createApiKeys(db: Kysely<Database>, { now = Date.now }: { now?: () => number } = {}): ApiKeyStore {
  const known = new Map<string, { tenant: string | undefined; until: number }>();
  return {
    async tenantOf(key) {
      const hash = hashOf(key);
      const cached = known.get(hash);
      if (cached !== undefined && cached.until > now()) return cached.tenant;
      const row = await reachable(() => db.selectFrom('apiKeys').select('tenant').where('hash', '=', hash).executeTakeFirst());
      if (known.size >= capacity) known.clear();
      known.set(hash, { tenant: row?.tenant, until: now() + freshMs });
      return row?.tenant;
    },
    async add(tenant, key) {
      const values = { hash: hashOf(key), tenant, prefix: key.slice(0, 7) };
      await reachable(() =>
        db
          .insertInto('apiKeys')
          .values(values)
          .onConflict((conflict) => conflict.column('hash').doNothing())
          .execute(),
      );
      known.delete(values.hash);
    },
  };
}
