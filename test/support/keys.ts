import type { ApiKey, ApiKeys, Caller, IssuedKey, KeyOrder, KeyScope } from '../../src/jobs/api-keys.ts';
import type { AuditEntry, AuditLog } from '../../src/jobs/audit.ts';

export const keys = { acme: 'hk_acme_0123456789', other: 'hk_other_0123456789' };

/** Changes that a test makes itself need no audit entry. */
export interface TestKeys extends ApiKeys {
  /** Keys that were looked up. */
  readonly lookups: string[];
  /** Keys that are in memory. Empty until a test fills it. */
  readonly inMemory: Set<string>;
  /** Lets this key in; without changes with all scopes and for the tenant `acme`. @returns its id. */
  add(key: string, changes?: Partial<Pick<Caller, 'tenant' | 'scopes' | 'localOnly'>>): string;
  create(order: KeyOrder, entry?: AuditEntry): Promise<IssuedKey>;
  revoke(tenant: string, id: string, entry?: AuditEntry): Promise<boolean>;
}

interface Kept extends Omit<Caller, 'keyId'> {
  record: ApiKey;
  key: string;
}

const isValid = ({ revokedAt, expiresAt }: ApiKey) => revokedAt === null && (expiresAt === null || expiresAt.getTime() > Date.now());

function callerIn({ record, tenant, scopes, localOnly }: Kept): Caller | undefined {
  const { requestsPerMinute } = record;
  if (!isValid(record)) return undefined;
  return { keyId: record.id, tenant, scopes, localOnly, ...(requestsPerMinute !== null && { requestsPerMinute }) };
}

/** Keys in memory, with the two of `keys` in it. */
export function testKeys(audit?: Pick<AuditLog, 'record'>): TestKeys {
  const lookups: string[] = [];
  const inMemory = new Set<string>();
  const all: Kept[] = [];
  const find = (tenant: string, id: string) => all.find((kept) => kept.tenant === tenant && kept.record.id === id);

  function keep(key: string, caller: Omit<Caller, 'keyId'>, name: string | null = null, expiresAt: Date | null = null): ApiKey {
    const id = `key_${String(all.length).padStart(26, '0')}`;
    const record: ApiKey = {
      id,
      name,
      prefix: key.slice(0, 7),
      scopes: caller.scopes,
      createdAt: new Date(),
      expiresAt,
      revokedAt: null,
      lastUsedAt: null,
      requestsPerMinute: null,
    };
    all.push({ ...caller, record, key });
    return record;
  }

  const everything: readonly KeyScope[] = ['submit', 'read', 'operate', 'admin'];
  const testKeys: TestKeys = {
    lookups,
    inMemory,
    knows: (key) => inMemory.has(key),
    add: (key, { tenant = 'acme', scopes = everything, localOnly = false } = {}) => keep(key, { tenant, scopes, localOnly }).id,
    callerOf(key) {
      lookups.push(key);
      const kept = all.find((candidate) => candidate.key === key);
      return Promise.resolve(kept && callerIn(kept));
    },
    callerById(id) {
      const kept = all.find(({ record }) => record.id === id);
      return Promise.resolve(kept && callerIn(kept));
    },
    async create({ tenant, scopes, name = null, lifetimeSeconds }, entry) {
      const key = `hk_made_${String(all.length).padStart(10, '0')}`;
      const expiresAt = lifetimeSeconds === undefined ? null : new Date(Date.now() + lifetimeSeconds * 1_000);
      if (entry !== undefined) await audit?.record(entry);
      return { ...keep(key, { tenant, scopes, localOnly: false }, name, expiresAt), key };
    },
    list: (tenant) => Promise.resolve(all.filter((kept) => kept.tenant === tenant).map(({ record }) => record)),
    async revoke(tenant, id, entry) {
      const kept = find(tenant, id);
      if (kept === undefined) return false;
      if (entry !== undefined) await audit?.record(entry);
      kept.record.revokedAt ??= new Date();
      return true;
    },
    async limit(tenant, id, requestsPerMinute, entry) {
      const kept = find(tenant, id);
      if (kept === undefined) return undefined;
      await audit?.record(entry);
      kept.record.requestsPerMinute = requestsPerMinute;
      return kept.record;
    },
    async rotate(tenant, id, overlapSeconds, entry) {
      const kept = find(tenant, id);
      if (kept === undefined) return undefined;
      await audit?.record(entry);
      kept.record.expiresAt = new Date(Date.now() + overlapSeconds * 1_000);
      const { name, scopes } = kept.record;
      return testKeys.create({ tenant, scopes, ...(name !== null && { name }) });
    },
  };
  for (const [tenant, key] of Object.entries(keys)) testKeys.add(key, { tenant });
  return testKeys;
}
