import { createHmac, randomBytes } from 'node:crypto';
import type { Kysely } from 'kysely';

import type { TenantKeys } from '../jobs/tenant-keys.ts';
import { reachable } from './outage.ts';
import type { Database } from './schema.ts';

/** Tenants kept in memory: a secret never changes. */
const capacity = 1_000;

/** One random secret a tenant, made when it is first needed and the same for every process. */
export function createTenantSecrets(db: Kysely<Database>): TenantKeys {
  const known = new Map<string, Buffer>();
  const find = (tenant: string) => db.selectFrom('tenantSecrets').select('secret').where('tenant', '=', tenant).executeTakeFirst();

  async function secretOf(tenant: string): Promise<Buffer> {
    const cached = known.get(tenant);
    if (cached !== undefined) return cached;
    const row = await reachable(async () => {
      const found = await find(tenant);
      if (found !== undefined) return found;
      const values = { tenant, secret: randomBytes(32).toString('base64') };
      await db
        .insertInto('tenantSecrets')
        .values(values)
        .onConflict((conflict) => conflict.column('tenant').doNothing())
        .execute();
      return find(tenant);
    });
    if (row === undefined) throw new Error('The secret of a tenant was removed while it was read');
    const secret = Buffer.from(row.secret, 'base64');
    if (known.size >= capacity) known.clear();
    known.set(tenant, secret);
    return secret;
  }

  return {
    async mac(tenant, purpose, value) {
      // One key a purpose, so that what is signed for one can't be used for another.
      const key = createHmac('sha256', await secretOf(tenant))
        .update(purpose)
        .digest();
      return createHmac('sha256', key).update(value).digest();
    },
  };
}
