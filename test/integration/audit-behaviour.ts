import { describe, expect, test } from '@jest/globals';
import { type Kysely, sql } from 'kysely';

import { createApiKeys } from '../../src/database/api-keys.ts';
import { createAuditLog } from '../../src/database/audit-log.ts';
import { createFileRecords } from '../../src/database/file-records.ts';
import type { Database } from '../../src/database/schema.ts';
import { allOf, type AuditEntry, type AuditFilter } from '../../src/jobs/audit.ts';
import { fileIdFor, newJobId } from '../../src/jobs/ids.ts';
import { anEntry } from '../support/audit.ts';

let tenants = 0;

/** What every place does with the audit log. */
export function auditBehaviour(database: () => Kysely<Database>): void {
  function open() {
    const tenant = `audited-${String(tenants++)}`;
    const db = database();
    const log = createAuditLog(db);
    const list = async (filter: AuditFilter = {}) => (await log.list(tenant, filter, { limit: 1_000 })).items;
    /** One with an entry that the database does not take. */
    const unwritable = anEntry({ tenant, actor: null as unknown as string });
    return { tenant, db, log, list, entry: anEntry({ tenant }), unwritable, keys: createApiKeys(db), files: createFileRecords(db) };
  }

  const jobId = newJobId('upload', 'acme', 'audit');
  const recordOf = (tenant: string) => ({
    ...{ id: fileIdFor(newJobId('upload', tenant), 'x'), tenant, jobId, name: 'a.txt', contentType: 'text/plain', size: 1 },
    ...{ sha256: 'ef'.repeat(32), createdAt: new Date() },
  });

  describe('the audit log', () => {
    test('keeps an entry as it is, with the time of the database', async () => {
      const { tenant, log, list } = open();
      const shown: Omit<AuditEntry, 'tenant'> = {
        ...{ actor: 'cli:ada', action: 'bulk_action.start', outcome: 'refused', target: 'bulk_x', reason: `'; drop table files; --` },
        ...{ details: { filter: { labels: ['a', '"'], since: null }, rate: 0.1, dry: true }, address: '2001:db8::1', requestId: 'r' },
      };
      await log.record({ tenant, ...shown });
      const [{ at, id, ...kept } = { at: new Date(0), id: '' }] = await list();
      expect(kept).toEqual(shown);
      expect(id).toMatch(/^aud_[0-9a-f]{26}$/);
      expect(Math.abs(at.getTime() - Date.now())).toBeLessThan(600_000);
    });

    test.each([
      ['UPDATE', sql`update audit_log set actor = 'somebody else'`],
      ['UPDATE of no row', sql`update audit_log set actor = 'x' where false`],
      ['DELETE', sql`delete from audit_log`],
      ['TRUNCATE', sql`truncate audit_log`],
      [
        'INSERT … ON CONFLICT DO UPDATE',
        sql`insert into audit_log (id, tenant, actor, action, outcome)
        select id, tenant, actor, action, outcome from audit_log limit 1 on conflict (id) do update set actor = 'x'`,
      ],
    ])('is append-only: the database refuses %s', async (_name, statement) => {
      const { db, log, list, entry } = open();
      await log.record(entry);
      const before = await list();
      await expect(statement.execute(db)).rejects.toThrow('audit_log is append-only');
      await expect(
        db.transaction().execute(async (transaction) => {
          // As replication would, which switches ordinary triggers off.
          await sql`set local session_replication_role = replica`.execute(transaction);
          await statement.execute(transaction);
        }),
      ).rejects.toThrow('audit_log is append-only');
      expect(await list()).toEqual(before);
    });

    test('lists the newest first, page by page, each once, also within one millisecond and while more is written', async () => {
      const { tenant, db, log, entry } = open();
      const [early, late] = [new Date('2026-11-22T12:00:00.123Z'), new Date('2026-11-22T12:00:00.124Z')];
      const insert = (at: Date, target: string) =>
        db
          .insertInto('auditLog')
          .values({ ...entry, details: null, id: `aud_${tenant}_${target}`, at, target })
          .execute();
      await insert(late, 'late');
      for (const target of ['a', 'b', 'c', 'd']) await insert(early, target);
      const seen: (string | null)[] = [];
      let from: { from?: string } = {};
      for (;;) {
        const { items, next } = await log.list(tenant, {}, { limit: 2, ...from });
        seen.push(...items.map(({ target }) => target));
        await log.record(entry);
        if (next === null) break;
        from = { from: next };
      }
      expect(seen).toEqual(['late', 'd', 'c', 'b', 'a']);
    });

    test('finds by every filter, alone and together, and only what is of the tenant', async () => {
      const { tenant, db, list, entry } = open();
      const at = (second: number) => new Date(Date.UTC(2026, 10, 22, 12, 0, second));
      const values = [
        { target: 'one', actor: 'key_a', action: 'job.cancel' },
        { target: 'two', actor: 'key_b', action: 'job.cancel' },
        { target: 'two', actor: 'key_b', action: 'job.retry' },
      ];
      for (const [index, value] of values.entries())
        for (const whose of [tenant, `${tenant}x`])
          await db
            .insertInto('auditLog')
            .values({ ...entry, ...value, details: null, tenant: whose, id: `aud_${whose}_${String(index)}`, at: at(index) })
            .execute();
      const found = async (filter: AuditFilter) => (await list(filter)).map(({ id }) => Number(id.at(-1)));
      expect(await found({})).toEqual([2, 1, 0]);
      expect(await found({ action: 'job.cancel' })).toEqual([1, 0]);
      expect(await found({ actor: 'key_b' })).toEqual([2, 1]);
      expect(await found({ target: 'two', action: 'job.cancel' })).toEqual([1]);
      expect(await found({ after: at(1) })).toEqual([2, 1]);
      expect(await found({ after: at(0), before: at(1) })).toEqual([0]);
      expect(await found({ target: 'two', actor: 'key_a' })).toEqual([]);
    });

    test('is read to its end by an export, a part at a time', async () => {
      const { tenant, db, log } = open();
      await sql`insert into audit_log (id, tenant, actor, action, outcome, target)
        select 'aud_' || ${tenant}::text || n, ${tenant}, 'key_a', 'job.retry', 'accepted', n::text from generate_series(1, 1203) n`.execute(
        db,
      );
      const sizes: number[] = [];
      const targets = new Set<string | null>();
      for await (const page of allOf(log, tenant, {})) {
        sizes.push(page.length);
        for (const { target } of page) targets.add(target);
      }
      expect([sizes, targets.size]).toEqual([[500, 500, 203], 1_203]);
    });
  });

  describe('the entry of a change in the database', () => {
    test('tells of API keys what was made, replaced and revoked, and never the key', async () => {
      const { tenant, keys, list, entry } = open();
      const made = await keys.create(
        { tenant, scopes: ['read'], lifetimeSeconds: 60, name: 'Ada' },
        { ...entry, action: 'api_key.create' },
      );
      const next = await keys.rotate(tenant, made.id, 5, { ...entry, action: 'api_key.rotate' });
      await keys.revoke(tenant, made.id, { ...entry, action: 'api_key.revoke' });
      await keys.revokeOfAnyTenant(String(next?.id), { ...entry, actor: 'cli:ada', action: 'api_key.revoke' });
      const entries = (await list()).reverse();
      expect(entries).toMatchObject([
        { action: 'api_key.create', target: made.id, details: { scopes: ['read'], lifetimeSeconds: 60 } },
        { action: 'api_key.rotate', target: made.id, details: { successor: next?.id, overlapSeconds: 5 } },
        { action: 'api_key.revoke', target: made.id, actor: 'key_of_a_test' },
        { action: 'api_key.revoke', target: next?.id, actor: 'cli:ada' },
      ]);
      for (const secret of [made.key, String(next?.key), 'Ada']) expect(JSON.stringify(entries)).not.toContain(secret);
    });

    test('is not there when nothing was changed', async () => {
      const { tenant, keys, files, list, entry } = open();
      const { id } = await keys.create({ tenant, scopes: ['read'] }, entry);
      await keys.revoke('somebody-else', id, entry);
      await keys.revoke(tenant, 'key_unknown', entry);
      await keys.rotate('somebody-else', id, 0, entry);
      await keys.revoke(tenant, id, entry);
      await expect(keys.rotate(tenant, id, 0, entry)).rejects.toMatchObject({ code: 'api_key_not_active' });
      await files.remove(tenant, 'file_unknown', entry);
      expect(await list()).toHaveLength(2);
    });

    test('and the change are one: without the entry nothing is changed', async () => {
      const { tenant, keys, files, list, entry, unwritable } = open();
      const away = { code: 'database_unavailable', retryable: true };
      const key = await keys.create({ tenant, scopes: ['read'] }, entry);
      const file = await files.insert(recordOf(tenant));
      const before = [await keys.list(tenant), await list()];
      await expect(keys.create({ tenant, scopes: ['admin'] }, unwritable)).rejects.toMatchObject(away);
      await expect(keys.revoke(tenant, key.id, unwritable)).rejects.toMatchObject(away);
      await expect(keys.revokeOfAnyTenant(key.id, unwritable)).rejects.toMatchObject(away);
      await expect(keys.rotate(tenant, key.id, 0, unwritable)).rejects.toMatchObject(away);
      await expect(files.remove(tenant, file.id, unwritable)).rejects.toMatchObject(away);
      expect([await keys.list(tenant), await list()]).toEqual(before);
      expect(await files.find(tenant, file.id)).toEqual(file);
      expect(await keys.callerOf(key.key)).toMatchObject({ tenant });
    });

    test('and the change are one: without the change there is no entry', async () => {
      const { tenant, db, keys, files, list, entry } = open();
      const file = await files.insert(recordOf(tenant));
      // Not before the transaction ends, when the entry has long been written.
      await sql`create function refuse_it() returns trigger language plpgsql as $$ begin raise exception 'no'; end $$`.execute(db);
      try {
        for (const table of ['files', 'api_keys'])
          await sql`create constraint trigger refuse_it after insert or update or delete on ${sql.table(table)}
            deferrable initially deferred for each row execute function refuse_it()`.execute(db);
        await expect(files.remove(tenant, file.id, entry)).rejects.toMatchObject({ code: 'database_unavailable' });
        await expect(keys.create({ tenant, scopes: ['admin'] }, entry)).rejects.toMatchObject({ code: 'database_unavailable' });
      } finally {
        await sql`drop function refuse_it() cascade`.execute(db);
      }
      expect([await list(), await keys.list(tenant)]).toEqual([[], []]);
      expect(await files.remove(tenant, file.id, { ...entry, action: 'file.delete' })).toBe(true);
      expect(await list()).toMatchObject([{ action: 'file.delete', target: file.id }]);
    });
  });
}
