import { describe, expect, test } from '@jest/globals';
import { type Kysely, sql } from 'kysely';

import { createApiKeys, newApiKey } from '../../src/database/api-keys.ts';
import { keysAndFiles } from '../../src/database/migrations/0001-keys-and-files.ts';
import { keyScopes } from '../../src/database/migrations/0003-key-scopes.ts';
import type { Database } from '../../src/database/schema.ts';
import { anEntry } from '../support/audit.ts';
import { eventually } from '../support/eventually.ts';

const start = Date.UTC(2026, 10, 22, 12);
const all = ['submit', 'read', 'operate', 'admin'];
let tenants = 0;

/** What every place does with API keys. */
export function keyBehaviour(database: () => Kysely<Database>): void {
  /** Two processes that share the database, and a tenant of its own. */
  function processes() {
    const time = { now: start };
    const open = () => createApiKeys(database(), { now: () => time.now });
    return { time, tenant: `tenant-${String(tenants++)}`, keys: open(), other: open() };
  }

  describe('an API key', () => {
    test('is known only by its hash', async () => {
      const { keys, tenant } = processes();
      const key = newApiKey();
      await keys.add(tenant, key);
      await keys.add(tenant, key);
      expect(await keys.callerOf(key)).toMatchObject({ tenant, scopes: all, localOnly: false });
      expect(await keys.callerOf(`${key}x`)).toBeUndefined();
      expect(await keys.callerOf('')).toBeUndefined();
      const { key: made } = await keys.create({ tenant, scopes: ['read'] }, anEntry());
      const rows = await database().selectFrom('apiKeys').selectAll().execute();
      expect(rows.filter((row) => row.tenant === tenant)).toHaveLength(2);
      for (const secret of [key, made]) expect(JSON.stringify(rows)).not.toContain(secret);
    });

    test('that was there before scopes keeps all of them, and gets an id', async () => {
      const done = new Error('undo');
      const rows: Record<string, unknown>[] = [];
      const migrated = database()
        .transaction()
        .execute(async (db) => {
          await sql`create schema before_scopes`.execute(db);
          await sql`set local search_path to before_scopes`.execute(db);
          await keysAndFiles.up(db);
          for (const hash of ['a', 'b']) await sql`insert into api_keys (hash, tenant, prefix) values (${hash}, 'acme', 'hk_')`.execute(db);
          await keyScopes.up(db);
          rows.push(...(await db.selectFrom('apiKeys').selectAll().orderBy('hash').execute()));
          throw done;
        });
      await expect(migrated).rejects.toBe(done);
      const nothing = { name: null, lifetimeSeconds: null, expiresAt: null, revokedAt: null, lastUsedAt: null };
      const kept = { tenant: 'acme', scopes: all, localOnly: false, ...nothing };
      expect(rows).toMatchObject([
        { hash: 'a', ...kept },
        { hash: 'b', ...kept },
      ]);
      for (const { id } of rows) expect(id).toMatch(/^key_[0-9a-f]{26}$/);
      expect(rows[0]?.['id']).not.toBe(rows[1]?.['id']);
    });

    test('has the scopes that it was made with, and a list has all but the key', async () => {
      const { keys, other, tenant, time } = processes();
      const { key, ...made } = await keys.create({ tenant, scopes: ['submit', 'read'], name: 'web shop', lifetimeSeconds: 60 }, anEntry());
      time.now += 1;
      const { key: forever, ...second } = await keys.create({ tenant, scopes: ['admin'] }, anEntry());
      expect(made).toEqual({
        ...{ id: expect.stringMatching(/^key_[0-9a-f]{26}$/), name: 'web shop', prefix: key.slice(0, 7), scopes: ['submit', 'read'] },
        ...{ createdAt: new Date(start), expiresAt: new Date(start + 60_000), revokedAt: null, lastUsedAt: null, requestsPerMinute: null },
      });
      expect(await other.list(tenant)).toEqual([second, made]);
      expect(await other.list('nobody')).toEqual([]);
      expect(await other.callerOf(key)).toEqual({ keyId: made.id, tenant, scopes: ['submit', 'read'], localOnly: false });
      expect(await other.callerOf(forever)).toMatchObject({ scopes: ['admin'] });
    });

    test('works at once after it was unknown', async () => {
      const { keys, tenant } = processes();
      const key = newApiKey();
      expect(await keys.callerOf(key)).toBeUndefined();
      await keys.add(tenant, key);
      expect(await keys.callerOf(key)).toMatchObject({ tenant });
    });

    test('stops working when it expires', async () => {
      const { keys, tenant, time } = processes();
      const { key } = await keys.create({ tenant, scopes: ['read'], lifetimeSeconds: 60 }, anEntry());
      time.now += 59_999;
      expect(await keys.callerOf(key)).toMatchObject({ tenant });
      time.now += 1;
      expect(await keys.callerOf(key)).toBeUndefined();
    });

    test('that is revoked stops working at once here, within five seconds in every process, and only its own tenant can do that', async () => {
      const { keys, other, tenant, time } = processes();
      const { key, id } = await keys.create({ tenant, scopes: ['read'] }, anEntry());
      for (const each of [keys, other]) expect(await each.callerOf(key)).toMatchObject({ tenant });
      expect(await keys.revoke('somebody-else', id, anEntry())).toBe(false);
      expect(await keys.revoke(tenant, 'key_unknown', anEntry())).toBe(false);
      expect(await keys.callerOf(key)).toMatchObject({ tenant });
      expect(await keys.revoke(tenant, id, anEntry())).toBe(true);
      expect(await keys.callerOf(key)).toBeUndefined();
      time.now += 5_000;
      expect(await other.callerOf(key)).toBeUndefined();
      // Repeating changes nothing.
      expect([await keys.revoke(tenant, id, anEntry()), await keys.revokeOfAnyTenant(id, anEntry())]).toEqual([true, true]);
      expect(await keys.list(tenant)).toMatchObject([{ id, revokedAt: new Date(start) }]);
    });

    test('is found by its id like by itself, until it is revoked or expires', async () => {
      const { keys, other, tenant, time } = processes();
      const { key, id } = await keys.create({ tenant, scopes: ['read'], lifetimeSeconds: 60 }, anEntry());
      expect(await keys.callerById(id)).toEqual(await keys.callerOf(key));
      expect(await keys.callerById('key_unknown')).toBeUndefined();
      expect(await other.callerById(id)).toMatchObject({ tenant });
      time.now += 60_000;
      expect(await other.callerById(id)).toBeUndefined();
      const revoked = await keys.create({ tenant, scopes: ['read'] }, anEntry());
      for (const each of [keys, other]) expect(await each.callerById(revoked.id)).toMatchObject({ tenant });
      await keys.revoke(tenant, revoked.id, anEntry());
      expect(await keys.callerById(revoked.id)).toBeUndefined();
      time.now += 5_000;
      expect(await other.callerById(revoked.id)).toBeUndefined();
    });

    test('that no key can have as its id is unknown, whatever stands in it', async () => {
      const { keys, tenant } = processes();
      const { id } = await keys.create({ tenant, scopes: ['read'] }, anEntry());
      for (const odd of ['', '\u0000', `${id}\u0000`, `${id}\ud800`, "' or ''='", id.toUpperCase(), `${id} `, 'x'.repeat(100_000)])
        expect([
          await keys.revoke(tenant, odd, anEntry()),
          await keys.revokeOfAnyTenant(odd, anEntry()),
          await keys.rotate(tenant, odd, 0, anEntry()),
          await keys.callerById(odd),
        ]).toEqual([false, false, undefined, undefined]);
      expect(await keys.list(tenant)).toMatchObject([{ id, revokedAt: null, expiresAt: null }]);
    });

    test('can be revoked by an operator who does not know whose it is', async () => {
      const { keys, tenant } = processes();
      const { key, id } = await keys.create({ tenant, scopes: ['read'] }, anEntry());
      expect(await keys.revokeOfAnyTenant('key_unknown', anEntry())).toBe(false);
      expect(await keys.revokeOfAnyTenant(id, anEntry())).toBe(true);
      expect(await keys.callerOf(key)).toBeUndefined();
    });

    test('has its last use noted at most once a minute, whichever process it is used at', async () => {
      const { keys, other, tenant, time } = processes();
      const { key } = await keys.create({ tenant, scopes: ['read'] }, anEntry());
      const usedAt = async (ms: number) => {
        await eventually(async () => {
          expect(await keys.list(tenant)).toMatchObject([{ lastUsedAt: new Date(start + ms) }]);
        });
      };
      await other.callerOf(key);
      await usedAt(0);
      time.now += 59_000;
      await keys.callerOf(key);
      time.now += 1_000;
      await keys.callerOf(key);
      await usedAt(60_000);
      time.now += 1_000;
      await other.callerOf(key);
      time.now += 59_000;
      await keys.callerOf(key);
      await usedAt(120_000);
    });
  });

  describe('the limit of a key', () => {
    test('counts here at once, within five seconds in every process, and goes on with the key that replaces it', async () => {
      const { keys, other, tenant, time } = processes();
      const { key, id } = await keys.create({ tenant, scopes: ['read'] }, anEntry());
      expect(await other.callerOf(key)).not.toHaveProperty('requestsPerMinute');
      expect(await keys.limit('somebody-else', id, 1, anEntry())).toBeUndefined();
      expect(await keys.limit(tenant, 'key_unknown', 1, anEntry())).toBeUndefined();
      expect(await keys.limit(tenant, id, 60, anEntry())).toMatchObject({ id, requestsPerMinute: 60 });
      expect(await keys.callerOf(key)).toMatchObject({ requestsPerMinute: 60 });
      time.now += 5_000;
      expect(await other.callerOf(key)).toMatchObject({ requestsPerMinute: 60 });
      const fresh = await keys.rotate(tenant, id, 60, anEntry());
      expect(await keys.callerOf(String(fresh?.key))).toMatchObject({ requestsPerMinute: 60 });
      expect(await keys.limit(tenant, id, null, anEntry())).toMatchObject({ requestsPerMinute: null });
      expect(await keys.callerOf(key)).not.toHaveProperty('requestsPerMinute');
    });
  });

  describe('the development key', () => {
    test('counts on this machine only, also one that was there before', async () => {
      const { keys, tenant } = processes();
      const key = newApiKey();
      await keys.add(tenant, key);
      await keys.add(tenant, key, { localOnly: true });
      const caller = await keys.callerOf(key);
      expect(caller).toMatchObject({ localOnly: true, scopes: all });
      await keys.add(tenant, key, { localOnly: true });
      const successor = await keys.rotate(tenant, String(caller?.keyId), 0, anEntry());
      expect(await keys.callerOf(String(successor?.key))).toMatchObject({ localOnly: true });
    });

    test('that is revoked is not brought back by adding it again', async () => {
      const { keys, tenant } = processes();
      const key = newApiKey();
      await keys.add(tenant, key, { localOnly: true });
      await keys.revoke(tenant, String((await keys.callerOf(key))?.keyId), anEntry());
      await keys.add(tenant, key, { localOnly: true });
      expect(await keys.callerOf(key)).toBeUndefined();
    });
  });

  describe('rotation', () => {
    test('gives a key of the same kind, and the old one works on until the overlap is over', async () => {
      const { keys, other, tenant, time } = processes();
      const old = await keys.create({ tenant, scopes: ['submit', 'read'], name: 'web shop', lifetimeSeconds: 86_400 }, anEntry());
      await other.callerOf(old.key);
      time.now += 43_200_000;
      const fresh = await keys.rotate(tenant, old.id, 3_600, anEntry());
      const expiresAt = new Date(time.now + 86_400_000);
      expect(fresh).toMatchObject({ name: 'web shop', scopes: ['submit', 'read'], expiresAt, createdAt: new Date(time.now) });
      expect(fresh?.id).not.toBe(old.id);
      time.now += 3_599_999;
      for (const key of [old.key, String(fresh?.key)])
        expect(await other.callerOf(key)).toMatchObject({ tenant, scopes: ['submit', 'read'] });
      time.now += 1;
      expect(await other.callerOf(old.key)).toBeUndefined();
      expect(await keys.callerOf(old.key)).toBeUndefined();
      expect(await other.callerOf(String(fresh?.key))).toMatchObject({ tenant });
    });

    test('without overlap ends the old key at once, and never lets one live longer', async () => {
      const { keys, tenant, time } = processes();
      const brief = await keys.create({ tenant, scopes: ['read'], lifetimeSeconds: 10 }, anEntry());
      await keys.rotate(tenant, brief.id, 604_800, anEntry());
      expect(await keys.list(tenant)).toContainEqual(expect.objectContaining({ id: brief.id, expiresAt: new Date(start + 10_000) }));
      const forever = await keys.create({ tenant, scopes: ['read'] }, anEntry());
      await keys.callerOf(forever.key);
      expect(await keys.rotate(tenant, forever.id, 0, anEntry())).toMatchObject({ expiresAt: null });
      expect(await keys.callerOf(forever.key)).toBeUndefined();
      expect(time.now).toBe(start);
    });

    test("of an expired, a revoked, an unknown or another's key makes none", async () => {
      const { keys, tenant, time } = processes();
      const expired = await keys.create({ tenant, scopes: ['admin'], lifetimeSeconds: 1 }, anEntry());
      const revoked = await keys.create({ tenant, scopes: ['admin'] }, anEntry());
      await keys.revoke(tenant, revoked.id, anEntry());
      time.now += 1_000;
      for (const { id } of [expired, revoked])
        await expect(keys.rotate(tenant, id, 0, anEntry())).rejects.toMatchObject({ code: 'api_key_not_active' });
      expect(await keys.rotate('somebody-else', revoked.id, 0, anEntry())).toBeUndefined();
      expect(await keys.rotate(tenant, 'key_unknown', 0, anEntry())).toBeUndefined();
      expect(await keys.list(tenant)).toHaveLength(2);
    });
  });
}
