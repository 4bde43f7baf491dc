import { expect, test } from '@jest/globals';
import type { Kysely } from 'kysely';

import { createFileRecords } from '../../src/database/file-records.ts';
import type { Database } from '../../src/database/schema.ts';
import { storedBytesIn } from '../../src/database/tenant-limits.ts';
import { fileIdFor, newJobId } from '../../src/jobs/ids.ts';
import type { FileRecord } from '../../src/storage/file-records.ts';
import { recordOf } from '../support/file-store.ts';

const hourMs = 3_600_000;
const now = Date.UTC(2026, 10, 22, 12);
let number = 0;

/** What the records of files do beside keeping them, whatever the database. */
export function fileBehaviour(database: () => Kysely<Database>): void {
  const add = (changes: Partial<FileRecord>) => {
    const jobId = newJobId('report', changes.tenant ?? 'ada', 'k');
    const id = fileIdFor(jobId, `role ${String(number++)}`);
    const facts = { name: 'a.csv', contentType: 'text/csv', size: 5, sha256: 'ab'.repeat(32), createdAt: new Date(now) };
    return createFileRecords(database()).insert(recordOf({ id, tenant: 'ada', jobId, ...facts, ...changes }));
  };
  const ago = (hours: number) => new Date(now - hours * hourMs);

  test('counts downloads at once: of many for the last two, two get one; what is given back is there again', async () => {
    const records = createFileRecords(database());
    const { id } = await add({});
    await records.setTerms('ada', [id], { maxDownloads: 2 });
    const taken = await Promise.all(Array.from({ length: 20 }, () => records.downloads.take('ada', id)));
    expect(taken.filter((one) => one)).toHaveLength(2);
    await records.downloads.giveBack('ada', id);
    expect(await records.find('ada', id)).toMatchObject({ downloads: 1, maxDownloads: 2, lastDownloadedAt: null });
    expect(await records.downloads.take('eve', id)).toBe(false);
    expect(await records.downloads.take('ada', id)).toBe(true);
    await records.downloads.done('ada', id);
    expect((await records.find('ada', id))?.lastDownloadedAt).toBeInstanceOf(Date);
  });

  test('changes terms of the files of one tenant only, and leaves what it is not told', async () => {
    const records = createFileRecords(database());
    const { id } = await add({});
    const expiresAt = '2030-01-01T00:00:00.000Z';
    expect(await records.setTerms('eve', [id], { maxDownloads: 1 })).toEqual([]);
    await records.setTerms('ada', [id], { expiresAt, linkSeconds: 60 });
    expect(await records.setTerms('ada', [id], {})).toMatchObject([
      { expiresAt: new Date(expiresAt), linkSeconds: 60, maxDownloads: null },
    ]);
  });

  test('ends a quarantine once, for its tenant; what is rejected has no bytes any more, and its reason goes with its name', async () => {
    const records = createFileRecords(database());
    const [tenant, sha256] = ['judged', 'f3'.repeat(32)];
    const rejection = { reason: 'virus' as const, detail: 'the virus scanner found Eicar-Test' };
    const verdict = { checks: [{ name: 'virus' as const, outcome: 'rejected' as const, engine: 'ClamAV', databaseDate: null }], rejection };
    const passed = { checks: [], rejection: null };
    const add3 = (createdAt: Date) => add({ tenant, sha256, state: 'quarantined', createdAt });
    const [first, second, third] = [await add3(ago(3)), await add3(ago(2)), await add3(ago(1))];
    expect(await records.judge('eve', first.id, passed)).toBeUndefined();
    expect(await records.judge(tenant, first.id, verdict)).toMatchObject({ state: 'rejected', ...verdict });
    expect(await records.judge(tenant, first.id, passed)).toMatchObject({ state: 'rejected', ...verdict });
    expect([await storedBytesIn(database())(tenant), await records.newestRejected(sha256)]).toEqual([10, undefined]);
    await records.judge(tenant, second.id, passed);
    await records.judge(tenant, third.id, verdict);
    expect(await records.find(tenant, second.id)).toMatchObject({ state: 'ready', ...passed });
    expect([await records.newestRejected(sha256), await records.referenced([sha256])]).toEqual([undefined, new Set([sha256])]);
    await records.setTerms(tenant, [first.id, second.id], { expiresAt: ago(0).toISOString() });
    await records.expire(ago(0));
    expect(await records.find(tenant, first.id)).toMatchObject({ name: '', rejection: null, checks: null });
    expect([await records.newestRejected(sha256), await records.referenced([sha256])]).toEqual([third.createdAt, new Set()]);
    expect(await storedBytesIn(database())(tenant)).toBe(0);
    expect(await records.forget(ago(0))).toBe(2);
  });

  test('takes names and bytes from what has expired, remembers that it was there, and then forgets it', async () => {
    const records = createFileRecords(database());
    const sha256 = 'e1'.repeat(32);
    const own = { tenant: 'expiring', sha256 };
    const [past, future] = [await add({ ...own, expiresAt: ago(1) }), await add({ ...own, expiresAt: ago(-1) })];
    const other = await add({ tenant: 'keeping', sha256 });
    expect(await records.expire(ago(0))).toBe(1);
    expect(await records.expire(ago(0))).toBe(0);
    expect(await records.find('expiring', past.id)).toMatchObject({ name: '', contentType: '', sha256: '', size: 0, expiresAt: ago(1) });
    expect(await storedBytesIn(database())('expiring')).toBe(5);
    expect(await records.find('expiring', future.id)).toMatchObject({ sha256 });
    await records.expire(ago(-2));
    // Another tenant has the same bytes.
    expect(await records.referenced([sha256])).toEqual(new Set([sha256]));
    expect(await records.forget(ago(0.5))).toBe(1);
    expect(await records.find('expiring', past.id)).toBeUndefined();
    expect(await records.find('keeping', other.id)).toEqual(other);
    expect(await records.forget(ago(-2))).toBe(1);
  });

  test('makes a file anew that has expired, when its job makes it again; another tenant can not', async () => {
    const records = createFileRecords(database());
    const first = await add({ tenant: 'again', expiresAt: ago(1) });
    await records.expire(ago(0));
    await expect(records.insert({ ...first, tenant: 'eve', createdAt: ago(0) })).rejects.toThrow('taken by another tenant');
    const again = { ...first, createdAt: ago(0), expiresAt: ago(-24), sha256: 'cd'.repeat(32), name: 'new.csv' };
    expect(await records.insert(again)).toMatchObject({ sha256: 'cd'.repeat(32), name: 'new.csv', expiresAt: ago(-24) });
    expect(await records.insert({ ...again, name: 'later.csv' })).toMatchObject({ name: 'new.csv' });
  });

  test('names the jobs that left intermediate files long ago, page by page, and removes only those files', async () => {
    const records = createFileRecords(database());
    const [first, second] = ['report_1', 'report_2'];
    const files = [
      await add({ tenant: 'spooling', jobId: first, intermediate: true, createdAt: ago(48) }),
      await add({ tenant: 'spooling', jobId: first, intermediate: true, createdAt: ago(47) }),
      await add({ tenant: 'spooling', jobId: first, createdAt: ago(48) }),
      await add({ tenant: 'spooling', jobId: second, intermediate: true, createdAt: ago(1) }),
    ];
    expect(await records.jobsWithIntermediates(ago(24), '')).toEqual([first]);
    expect(await records.jobsWithIntermediates(ago(24), first)).toEqual([]);
    expect(await records.jobsWithIntermediates(ago(0), '')).toEqual([first, second]);
    expect(await records.removeIntermediates([])).toBe(0);
    expect(await records.removeIntermediates([first])).toBe(2);
    const left = await Promise.all(files.map(({ id }) => records.find('spooling', id)));
    expect(left.map((file) => file !== undefined)).toEqual([false, false, true, true]);
  });

  test('lists the newest first, page by page, without intermediate and expired ones', async () => {
    const records = createFileRecords(database());
    const tenant = 'listing';
    const jobId = newJobId('report', tenant, 'listed');
    const made = [
      await add({ tenant, createdAt: ago(3) }),
      await add({ tenant, createdAt: ago(2), jobId }),
      await add({ tenant, createdAt: ago(2) }),
    ];
    await add({ tenant, intermediate: true });
    await add({ tenant, expiresAt: new Date(Date.now() - 1) });
    const ids = (files: { id: string }[]) => files.map(({ id }) => id);
    const first = await records.list(tenant, {}, { limit: 2 });
    const second = await records.list(tenant, {}, { limit: 2, from: first.next ?? '' });
    expect(ids([...first.items, ...second.items]).sort()).toEqual(ids(made).sort());
    expect([ids(second.items), second.next]).toEqual([[made[0]?.id], null]);
    expect(ids((await records.list(tenant, { jobId }, { limit: 9 })).items)).toEqual([made[1]?.id]);
    expect((await records.list(tenant, { createdAfter: ago(2) }, { limit: 9 })).items).toHaveLength(2);
    expect(ids((await records.list(tenant, { createdBefore: ago(2) }, { limit: 9 })).items)).toEqual([made[0]?.id]);
    expect((await records.list('nobody', {}, { limit: 9 })).items).toEqual([]);
  });
}
