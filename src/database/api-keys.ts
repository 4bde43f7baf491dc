import { createHash, randomBytes } from 'node:crypto';
import type { Insertable, Kysely, Selectable } from 'kysely';

import { AppError } from '../errors.ts';
import type { ApiKey, ApiKeys, IssuedKey } from '../jobs/api-keys.ts';
import type { AuditEntry } from '../jobs/audit.ts';
import { writeAudit } from './audit-log.ts';
import { createKeyLookup, type KeyFacts } from './key-lookup.ts';
import { reachable } from './outage.ts';
import type { Database } from './schema.ts';

/** Of a list. */
const most = 1_000;

const hashOf = (key: string) => createHash('sha256').update(key).digest('hex');
const newKeyId = () => `key_${randomBytes(13).toString('hex')}`;
/** Everything else is unknown, without a query: PostgreSQL fails at some texts, and that would pass for an outage. */
const isKeyId = (id: string) => /^key_[0-9a-f]{26}$/.test(id);

export interface ApiKeyStore extends ApiKeys {
  /** Makes this key one of the tenant's, with all scopes; of one that is there already, only `localOnly` is turned on. */
  add(tenant: string, key: string, options?: { localOnly?: boolean }): Promise<void>;
  /** `revoke`, whosever it is: for operators of the installation. The audit entry goes to the tenant of the key. */
  revokeOfAnyTenant(id: string, entry: Omit<AuditEntry, 'tenant'>): Promise<boolean>;
}

/** 256 random bits, with a prefix that secret scanners can recognise. */
export function newApiKey(): string {
  return `hk_${randomBytes(32).toString('base64url')}`;
}

type Row = Selectable<Database['apiKeys']>;

const shown = ['id', 'name', 'prefix', 'scopes', 'createdAt', 'expiresAt', 'revokedAt', 'lastUsedAt', 'requestsPerMinute'] as const;

function factsOf({ id, tenant, scopes, localOnly, expiresAt, lastUsedAt, requestsPerMinute }: Row): KeyFacts {
  return {
    caller: { keyId: id, tenant, scopes, localOnly, ...(requestsPerMinute !== null && { requestsPerMinute }) },
    expiresAt: expiresAt?.getTime(),
    lastUsedAt: lastUsedAt?.getTime(),
  };
}

type NewRow = Pick<Row, 'tenant' | 'scopes' | 'localOnly' | 'name' | 'lifetimeSeconds' | 'requestsPerMinute'>;

/** A key that nobody has yet, and its row. */
function issue(row: NewRow, at: number): { issued: IssuedKey; values: Insertable<Database['apiKeys']> } {
  const key = newApiKey();
  const { name, scopes, lifetimeSeconds, requestsPerMinute } = row;
  const expiresAt = lifetimeSeconds === null ? null : new Date(at + lifetimeSeconds * 1_000);
  const visible = { id: newKeyId(), name, prefix: key.slice(0, 7), scopes, createdAt: new Date(at), expiresAt, requestsPerMinute };
  return {
    issued: { ...visible, revokedAt: null, lastUsedAt: null, key },
    values: { ...row, ...visible, scopes: [...scopes], hash: hashOf(key) },
  };
}

export function createApiKeys(db: Kysely<Database>, { now = Date.now }: { now?: () => number } = {}): ApiKeyStore {
  const lookup = createKeyLookup(
    {
      find: (name) =>
        reachable(async () => {
          const column = name.startsWith('key_') ? 'id' : 'hash';
          const row = await db.selectFrom('apiKeys').selectAll().where(column, '=', name).where('revokedAt', 'is', null).executeTakeFirst();
          return row && factsOf(row);
        }),
      async noteUse(keyId, at, unlessAfter) {
        await db
          .updateTable('apiKeys')
          .set({ lastUsedAt: new Date(at) })
          .where('id', '=', keyId)
          .where((is) => is.or([is('lastUsedAt', 'is', null), is('lastUsedAt', '<=', new Date(unlessAfter))]))
          .execute();
      },
    },
    now,
  );

  async function revoke(id: string, entry: Omit<AuditEntry, 'tenant'>, tenant?: string): Promise<boolean> {
    if (!isKeyId(id)) return false;
    const found = await reachable(() =>
      db.transaction().execute(async (transaction) => {
        const row = await transaction
          .updateTable('apiKeys')
          .set((is) => ({ revokedAt: is.fn.coalesce('revokedAt', is.val(new Date(now()))) }))
          .where('id', '=', id)
          .$if(tenant !== undefined, (query) => query.where('tenant', '=', String(tenant)))
          .returning('tenant')
          .executeTakeFirst();
        if (row !== undefined) await writeAudit(transaction, { ...entry, tenant: row.tenant, target: id });
        return row !== undefined;
      }),
    );
    lookup.forget({ keyId: id });
    return found;
  }

  return {
    callerOf: (key) => lookup.callerOf(hashOf(key)),
    callerById: async (id) => (isKeyId(id) ? lookup.callerById(id) : undefined),
    knows: (key) => lookup.knows(hashOf(key)),

    async add(tenant, key, { localOnly = false } = {}) {
      const base = { tenant, scopes: ['submit', 'read', 'operate', 'admin'], localOnly } as const;
      const values = { ...base, scopes: [...base.scopes], hash: hashOf(key), id: newKeyId(), prefix: key.slice(0, 7) };
      await reachable(() =>
        db
          .insertInto('apiKeys')
          .values(values)
          .onConflict((conflict) => {
            const same = conflict.column('hash');
            return localOnly ? same.doUpdateSet({ localOnly }) : same.doNothing();
          })
          .execute(),
      );
      lookup.forget({ hash: values.hash });
    },

    async create({ tenant, scopes, name = null, lifetimeSeconds = null }, entry) {
      const row = { tenant, scopes: [...scopes], localOnly: false, name, lifetimeSeconds, requestsPerMinute: null };
      const { issued, values } = issue(row, now());
      await reachable(() =>
        db.transaction().execute(async (transaction) => {
          await writeAudit(transaction, { ...entry, tenant, target: issued.id, details: { scopes, lifetimeSeconds } });
          await transaction.insertInto('apiKeys').values(values).execute();
        }),
      );
      return issued;
    },

    list: (tenant): Promise<ApiKey[]> =>
      reachable(() =>
        db
          .selectFrom('apiKeys')
          .select(shown)
          .where('tenant', '=', tenant)
          .orderBy('createdAt', 'desc')
          .orderBy('id')
          .limit(most)
          .execute(),
      ),

    revoke: (tenant, id, entry) => revoke(id, entry, tenant),
    revokeOfAnyTenant: (id, entry) => revoke(id, entry),

    async limit(tenant, id, requestsPerMinute, entry) {
      if (!isKeyId(id)) return undefined;
      const changed = await reachable(() =>
        db.transaction().execute(async (transaction) => {
          const key = transaction.updateTable('apiKeys').where('id', '=', id).where('tenant', '=', tenant);
          const row = await key.set({ requestsPerMinute }).returning(shown).executeTakeFirst();
          if (row !== undefined) await writeAudit(transaction, { ...entry, tenant, target: id, details: { requestsPerMinute } });
          return row;
        }),
      );
      lookup.forget({ keyId: id });
      return changed;
    },

    async rotate(tenant, id, overlapSeconds, entry) {
      if (!isKeyId(id)) return undefined;
      const at = now();
      const rotated = await reachable(() =>
        db.transaction().execute(async (transaction) => {
          const keys = transaction.selectFrom('apiKeys').selectAll().where('id', '=', id).where('tenant', '=', tenant);
          const old = await keys.forUpdate().executeTakeFirst();
          if (old === undefined) return undefined;
          const end = old.expiresAt?.getTime() ?? Infinity;
          if (old.revokedAt !== null || end <= at) return 'not active';
          const expiresAt = new Date(Math.min(end, at + overlapSeconds * 1_000));
          await transaction.updateTable('apiKeys').set({ expiresAt }).where('id', '=', id).execute();
          const { scopes, localOnly, name, lifetimeSeconds, requestsPerMinute } = old;
          const { issued, values } = issue({ tenant, scopes, localOnly, name, lifetimeSeconds, requestsPerMinute }, at);
          await transaction.insertInto('apiKeys').values(values).execute();
          await writeAudit(transaction, { ...entry, tenant, target: id, details: { successor: issued.id, overlapSeconds } });
          return issued;
        }),
      );
      lookup.forget({ keyId: id });
      if (rotated === 'not active') throw new AppError('api_key_not_active', 'This API key is revoked or has expired. Create a new one.');
      return rotated;
    },
  };
}
