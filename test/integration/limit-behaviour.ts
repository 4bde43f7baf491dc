import { describe, expect, test } from '@jest/globals';
import type { Kysely } from 'kysely';

import { createAuditLog } from '../../src/database/audit-log.ts';
import { createFileRecords } from '../../src/database/file-records.ts';
import { createDatabaseLeases, createEmailCounter } from '../../src/database/limit-windows.ts';
import type { Database } from '../../src/database/schema.ts';
import { createTenantLimits, storedBytesIn } from '../../src/database/tenant-limits.ts';
import { fileIdFor, newJobId } from '../../src/jobs/ids.ts';
import type { LimitChanges, LimitLevel } from '../../src/jobs/limits.ts';
import { createMemoryLeases } from '../../src/limits/memory-leases.ts';
import { createRequestBudgets, type LeaseRequest, type RequestBudgets } from '../../src/limits/request-budgets.ts';
import { anEntry } from '../support/audit.ts';

let tenants = 0;
const newTenant = () => `limited-${String(tenants++)}`;

/** What every place does with limits. */
export function limitBehaviour(database: () => Kysely<Database>): void {
  describe('a limit on requests', () => {
    const time = { now: 29_000_000 * 60_000 };
    /** Two processes that share the database. */
    const processes = () => [0, 1].map(() => createRequestBudgets(createDatabaseLeases(database()), () => time.now));
    const takes = async (process: RequestBudgets, subject: string, count: number, limit: number) => {
      const standings = await Promise.all(Array.from({ length: count }, () => process.take('requests', subject, limit)));
      return standings.filter((standing) => standing.allowed).length;
    };

    test.each([1, 10, 200, 3_000])('of %d holds for two processes together exactly, and anew in the next minute', async (limit) => {
      const [subject, both] = [newTenant(), processes()];
      const together = async () => {
        const allowed = await Promise.all(both.map((process) => takes(process, subject, limit, limit)));
        return allowed.reduce((sum, one) => sum + one, 0);
      };
      expect(await together()).toBe(limit);
      time.now += 60_000;
      const again = await together();
      // A lease that was still asked for in the minute before is lost.
      expect(again).toBeLessThanOrEqual(limit);
      expect(again).toBeGreaterThanOrEqual(limit - 2 * Math.ceil(limit / 20));
    });

    test('is never exceeded when one process has a clock that is behind', async () => {
      const subject = newTenant();
      const leases = createDatabaseLeases(database());
      const ahead = createRequestBudgets(leases, () => time.now);
      const behind = createRequestBudgets(leases, () => time.now - 60_000);
      const allowed = (await takes(ahead, subject, 60, 100)) + (await takes(behind, subject, 100, 100));
      expect(allowed).toBeLessThanOrEqual(100);
      expect(allowed).toBeGreaterThanOrEqual(90);
    });

    test('is leased from the database as it is from memory', async () => {
      const [leases, memory, subject] = [createDatabaseLeases(database()), createMemoryLeases(), newTenant()];
      const asked: Omit<LeaseRequest, 'name' | 'subject'>[] = [
        { window: 5, limit: 100, want: 3 },
        { window: 5, limit: 100, want: 50 },
        { window: 5, limit: 10, want: 50 },
        { window: 5, limit: 200, want: 50 },
        { window: 4, limit: 200, want: 1 },
        { window: 6, limit: 200, want: 1_000 },
        ...Array.from({ length: 8 }, () => ({ window: 7, limit: 4, want: 2 })),
      ];
      for (const request of asked) {
        const whole = { name: 'requests', subject, ...request };
        expect(await leases.lease(whole)).toEqual(await memory.lease(whole));
      }
    });
  });

  describe('e-mails of a day', () => {
    test('are counted exactly, also by many at once, all of a job or none', async () => {
      const [emails, tenant] = [createEmailCounter(database()), newTenant()];
      const added = await Promise.all(Array.from({ length: 20 }, () => emails.add(tenant, 7, 3, 10)));
      expect(added.filter((fits) => fits)).toHaveLength(3);
      expect([await emails.add(tenant, 7, 1, 10), await emails.used(tenant, 7)]).toEqual([true, 10]);
      expect(await emails.add(newTenant(), 7, 11, 10)).toBe(false);
    });

    test('are given back, but not to another day, and begin anew each day', async () => {
      const [emails, tenant] = [createEmailCounter(database()), newTenant()];
      await emails.add(tenant, 7, 5, 10);
      await emails.takeBack(tenant, 7, 2);
      expect(await emails.used(tenant, 7)).toBe(3);
      expect([await emails.add(tenant, 8, 10, 10), await emails.used(tenant, 8)]).toEqual([true, 10]);
      await emails.takeBack(tenant, 7, 3);
      expect(await emails.used(tenant, 8)).toBe(10);
      expect(await emails.used(tenant, 9)).toBe(0);
    });
  });

  describe('limits of a tenant', () => {
    test('are kept by level, changed one by one and removed', async () => {
      const [settings, tenant] = [createTenantLimits(database()), newTenant()];
      const set = (level: LimitLevel, changes: LimitChanges) => settings.set(tenant, level, changes, anEntry({ action: 'limit.change' }));
      expect(await settings.read(tenant)).toEqual({ ceiling: {}, own: {} });
      await set('ceiling', { requestsPerMinute: 600, storedBytes: 5_000_000_000_000 });
      await set('own', { requestsPerMinute: 60, 'concurrentJobs.report': 2, openJobs: null });
      await set('ceiling', { requestsPerMinute: 700 });
      await set('ceiling', {});
      expect(await settings.read(tenant)).toEqual({
        ceiling: { requestsPerMinute: 700, storedBytes: 5_000_000_000_000 },
        own: { requestsPerMinute: 60, 'concurrentJobs.report': 2 },
      });
      await set('own', { requestsPerMinute: null, emailsPerDay: 0 });
      expect((await settings.read(tenant)).own).toEqual({ 'concurrentJobs.report': 2, emailsPerDay: 0 });
      expect(await settings.read(newTenant())).toEqual({ ceiling: {}, own: {} });
    });

    test('change only together with their entry in the audit log', async () => {
      const [settings, tenant] = [createTenantLimits(database()), newTenant()];
      const unwritable = anEntry({ actor: null as unknown as string });
      await expect(settings.set(tenant, 'own', { openJobs: 1 }, unwritable)).rejects.toMatchObject({ code: 'database_unavailable' });
      expect((await settings.read(tenant)).own).toEqual({});
      await settings.set(tenant, 'own', { openJobs: 1, emailsPerDay: null }, anEntry({ action: 'limit.change', actor: 'key_1' }));
      expect((await createAuditLog(database()).list(tenant, {}, { limit: 9 })).items).toMatchObject([
        { action: 'limit.change', actor: 'key_1', target: null, details: { level: 'own', openJobs: 1, emailsPerDay: null } },
      ]);
    });
  });

  test('the bytes of a tenant are the sum of its files', async () => {
    const [tenant, other] = [newTenant(), newTenant()];
    const records = createFileRecords(database());
    const stored = storedBytesIn(database());
    expect(await stored(tenant)).toBe(0);
    const insert = (owner: string, size: number) => {
      const jobId = newJobId('upload', owner);
      const facts = { name: 'x', contentType: 'text/plain', sha256: 'ab'.repeat(32), createdAt: new Date() };
      return records.insert({ id: fileIdFor(jobId, 'x'), tenant: owner, jobId, size, ...facts });
    };
    const { id } = await insert(tenant, 5_000_000_000);
    await insert(tenant, 7);
    await insert(other, 9);
    expect(await stored(tenant)).toBe(5_000_000_007);
    await records.remove(tenant, id, anEntry());
    expect(await stored(tenant)).toBe(7);
  });
}
