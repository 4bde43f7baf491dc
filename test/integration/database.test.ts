import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Kysely, sql } from 'kysely';

import { createAuditLog } from '../../src/database/audit-log.ts';
import { createFileRecords } from '../../src/database/file-records.ts';
import { checkDatabase, type DatabaseLocation, openDatabase } from '../../src/database/open.ts';
import type { Database } from '../../src/database/schema.ts';
import { createTenantSecrets } from '../../src/database/tenant-secrets.ts';
import { newJobId, fileIdFor } from '../../src/jobs/ids.ts';
import type { FileRecord } from '../../src/storage/file-records.ts';
import { anEntry } from '../support/audit.ts';
import { recordOf } from '../support/file-store.ts';
import { pgliteDirectory } from '../support/pglite.ts';
import { findPostgres, startPostgres } from '../support/postgres.ts';
import { deliveryBehaviour } from './delivery-behaviour.ts';
import { dataSourceBehaviour } from './data-source-behaviour.ts';
import { auditBehaviour } from './audit-behaviour.ts';
import { fileBehaviour } from './file-behaviour.ts';
import { keyBehaviour } from './key-behaviour.ts';
import { limitBehaviour } from './limit-behaviour.ts';
import { definitionBehaviour } from './definition-behaviour.ts';
import { presetBehaviour } from './preset-behaviour.ts';
import { templateBehaviour } from './template-behaviour.ts';
import { suppressionBehaviour } from './suppression-behaviour.ts';

const jobId = newJobId('upload', 'acme', 'k');
let number = 0;
const aRecord = (changes: Partial<FileRecord> = {}): FileRecord =>
  recordOf({
    id: fileIdFor(jobId, `role ${String(number++)}`),
    tenant: 'acme',
    jobId,
    name: 'Grüße 🦌.txt',
    contentType: 'text/plain',
    size: 5,
    sha256: 'ab'.repeat(32),
    createdAt: new Date('2026-11-22T12:00:00.123Z'),
    ...changes,
  });

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

interface Place {
  location: DatabaseLocation;
  end(): Promise<void>;
}

async function embedded(): Promise<Place> {
  const directory = await pgliteDirectory();
  return { location: { directory }, end: () => rm(directory, { recursive: true, force: true }) };
}

function sharedBehaviour(place: () => Promise<Place>): void {
  let opened: Place;
  let db: Kysely<Database>;
  beforeAll(async () => {
    opened = await place();
    db = await openDatabase(opened.location);
  });
  afterAll(async () => {
    await db.destroy();
    await opened.end();
  });

  test('answers a check', async () => {
    await expect(checkDatabase(db)).resolves.toBeUndefined();
  });

  test('keeps a file record as it is, sizes beyond 2 GiB too', async () => {
    const records = createFileRecords(db);
    const record = aRecord({ size: 5_000_000_000 });
    expect(await records.insert(record)).toEqual(record);
    expect(await records.find('acme', record.id)).toEqual(record);
  });

  test('lets the first insert of an id win, and gives that one back', async () => {
    const records = createFileRecords(db);
    const first = aRecord();
    const results = [await records.insert(first), await records.insert({ ...first, name: 'other.txt', sha256: 'cd'.repeat(32) })];
    expect(results).toEqual([first, first]);
  });

  test('lets one of many inserts at once win, and tells all the same', async () => {
    const records = createFileRecords(db);
    const record = aRecord();
    const results = await Promise.all(Array.from({ length: 20 }, (_, i) => records.insert({ ...record, name: `${String(i)}.txt` })));
    expect(new Set(results.map(({ name }) => name)).size).toBe(1);
  });

  test("keeps tenants apart: another's record is not found, not removed and not given out", async () => {
    const records = createFileRecords(db);
    const record = await records.insert(aRecord());
    expect(await records.find('other', record.id)).toBeUndefined();
    expect(await records.remove('other', record.id, anEntry())).toBe(false);
    expect(await records.find('acme', record.id)).toEqual(record);
    expect(await records.owner(record.id)).toBe('acme');
    await expect(records.insert({ ...record, tenant: 'other' })).rejects.toThrow('taken by another tenant');
    const removals = await Promise.all(Array.from({ length: 5 }, () => records.remove('acme', record.id, anEntry())));
    expect(removals.filter((removed) => removed)).toEqual([true]);
    expect(await records.find('acme', record.id)).toBeUndefined();
    expect(await records.owner(record.id)).toBeUndefined();
  });

  test('knows which bytes are in use by anybody', async () => {
    const records = createFileRecords(db);
    const [used, unused] = ['1'.repeat(64), '2'.repeat(64)];
    await records.insert(aRecord({ sha256: used, tenant: 'other' }));
    expect(await records.referenced([used, unused])).toEqual(new Set([used]));
    expect(await records.referenced([])).toEqual(new Set());
  });

  test('takes names that look like SQL as names', async () => {
    const records = createFileRecords(db);
    const record = await records.insert(aRecord({ name: `'; drop table files; --` }));
    expect(await records.find('acme', record.id)).toEqual(record);
  });

  test('has one secret a tenant, whoever asks for it first: many at once, and in several processes', async () => {
    // Each has a memory of its own, like a process.
    const processes = Array.from({ length: 5 }, () => createTenantSecrets(db));
    const macs = await Promise.all(
      processes.flatMap((secrets) => Array.from({ length: 4 }, async () => hex(await secrets.mac('new tenant', 'file link', 'x')))),
    );
    expect(new Set(macs).size).toBe(1);
    expect(macs[0]).toMatch(/^[0-9a-f]{64}$/);
    expect(await db.selectFrom('tenantSecrets').select('tenant').where('tenant', '=', 'new tenant').execute()).toHaveLength(1);
  });

  test('makes another mac for another tenant, purpose or value', async () => {
    const secrets = createTenantSecrets(db);
    const macs = [
      await secrets.mac('acme', 'file link', 'x'),
      await secrets.mac('other', 'file link', 'x'),
      await secrets.mac('acme', 'cursor', 'x'),
      await secrets.mac('acme', 'job token', 'x'),
      await secrets.mac('acme', 'label', 'x'),
      await secrets.mac('acme', 'label', 'y'),
    ].map(hex);
    expect(new Set(macs).size).toBe(macs.length);
    expect(hex(await secrets.mac('acme', 'file link', 'x'))).toBe(macs[0]);
  });

  test('makes the same mac when it is opened again', async () => {
    const another = await place();
    try {
      const macs: string[] = [];
      for (let opening = 0; opening < 2; opening++) {
        const opened = await openDatabase(another.location);
        macs.push(hex(await createTenantSecrets(opened).mac('acme', 'file link', 'x')));
        await opened.destroy();
      }
      expect(macs[0]).toBe(macs[1]);
    } finally {
      await another.end();
    }
  });

  keyBehaviour(() => db);
  auditBehaviour(() => db);
  fileBehaviour(() => db);
  limitBehaviour(() => db);

  deliveryBehaviour(() => db);
  templateBehaviour(() => db);
  dataSourceBehaviour(() => db);
  definitionBehaviour(() => db);
  presetBehaviour(() => db);
  suppressionBehaviour(() => db);
}

describe('the embedded database', () => {
  sharedBehaviour(embedded);

  test('keeps what was written when it is opened again, and tells stably when it is closed', async () => {
    const place = await embedded();
    try {
      const first = await openDatabase(place.location);
      const record = await createFileRecords(first).insert(aRecord());
      await first.destroy();
      await expect(createFileRecords(first).find('acme', record.id)).rejects.toMatchObject({
        code: 'database_unavailable',
        retryable: true,
      });
      const second = await openDatabase(place.location);
      expect(await createFileRecords(second).find('acme', record.id)).toEqual(record);
      await second.destroy();
    } finally {
      await place.end();
    }
  });
});

const found = await findPostgres();
const title = 'skipped' in found ? `a PostgreSQL server (skipped: ${found.skipped})` : 'a PostgreSQL server';

('skipped' in found ? describe.skip : describe)(title, () => {
  let server: Awaited<ReturnType<typeof startPostgres>>;
  beforeAll(async () => {
    if (!('skipped' in found)) server = await startPostgres(found);
  });
  // Defined before the hooks of the shared behaviour, so it runs after them.
  afterAll(() => server.stop());

  test('lets several migrators at once succeed on an empty database', async () => {
    const opened = await Promise.all(Array.from({ length: 4 }, () => openDatabase({ url: server.url })));
    for (const db of opened) {
      const tables = await sql<{ count: string }>`select count(*) from api_keys`.execute(db);
      expect(tables.rows).toEqual([{ count: '0' }]);
    }
    await Promise.all(opened.map((db) => db.destroy()));
  });

  describe('as the database', () => {
    sharedBehaviour(() => Promise.resolve({ location: { url: server.url }, end: () => Promise.resolve() }));
  });

  test('that is away becomes one stable error, which names no host', async () => {
    const db = await openDatabase({ url: server.url });
    const [records, log] = [createFileRecords(db), createAuditLog(db)];
    await server.stop();
    for (const query of [() => records.find('acme', aRecord().id), () => log.record(anEntry()), () => log.list('acme', {}, { limit: 1 })]) {
      const error = (await query().catch((caught: unknown) => caught)) as Error;
      expect(error).toMatchObject({ code: 'database_unavailable', retryable: true, retryAfterSeconds: 5 });
      expect(error.message).not.toContain('127.0.0.1');
    }
    await db.destroy();
  });
});
