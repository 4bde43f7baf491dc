import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { loadConfig } from '../../src/config.ts';
import { createApiKeys, newApiKey } from '../../src/database/api-keys.ts';
import { createAuditLog } from '../../src/database/audit-log.ts';
import { createFileRecords } from '../../src/database/file-records.ts';
import { openDatabase } from '../../src/database/open.ts';
import { fileIdFor, newJobId, tenantTag } from '../../src/jobs/ids.ts';
import { openProtection } from '../../src/protection.ts';
import { linkTemporal } from '../../src/temporal/connection.ts';
import { eventually } from '../support/eventually.ts';
import { runCommand } from '../support/command.ts';
import { findPostgres, startPostgres } from '../support/postgres.ts';

const found = await findPostgres();
const title = 'skipped' in found ? `handoff encryption and tenants (skipped: ${found.skipped})` : 'handoff encryption and tenants';

const [first, second] = [randomBytes(32).toString('base64'), randomBytes(32).toString('base64')];

describe('handoff encryption key', () => {
  test('prints a new key each time, or keeps one in a file that only we may read', async () => {
    const [one, other] = [await runCommand('encryption', 'key'), await runCommand('encryption', 'key')];
    expect([one.code, Buffer.from(one.out, 'base64').length]).toEqual([0, 32]);
    expect(other.out).not.toBe(one.out);
    const directory = await mkdtemp(join(tmpdir(), 'handoff-key-'));
    try {
      const path = join(directory, 'key');
      expect(await runCommand('encryption', 'key', '--keep', path)).toMatchObject({ code: 0, out: '' });
      const kept = await readFile(path, 'utf8');
      await runCommand('encryption', 'key', '--keep', path);
      expect(await readFile(path, 'utf8')).toBe(kept);
      expect((await stat(path)).mode & 0o777).toBe(0o600);
      expect(loadConfig({ HANDOFF_ENCRYPTION_KEYS_FILE: path }).encryption.keys).toEqual([kept.trim()]);
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  });
});

('skipped' in found ? describe.skip : describe)(title, () => {
  const before = { ...process.env };
  let server: Awaited<ReturnType<typeof startPostgres>>;

  const configured = (...keys: string[]) => {
    process.env['HANDOFF_ENCRYPTION_KEYS'] = keys.join(',');
    process.env['DATABASE_URL'] = server.url;
  };
  /** As another process would have it. */
  async function withDatabase<T>(use: (db: Awaited<ReturnType<typeof openDatabase>>) => Promise<T>): Promise<T> {
    const db = await openDatabase({ url: server.url });
    try {
      return await use(db);
    } finally {
      await db.destroy();
    }
  }
  const dataKeys = () => withDatabase((db) => db.selectFrom('dataKeys').selectAll().orderBy('createdAt').execute());

  beforeAll(async () => {
    if ('skipped' in found) return;
    server = await startPostgres(found);
  });
  afterEach(() => {
    process.env = { ...before };
  });
  afterAll(() => server.stop());

  test('without a configured key nothing starts, and the message says how to make one', async () => {
    process.env['DATABASE_URL'] = server.url;
    expect(await runCommand('encryption', 'rotate')).toMatchObject({ code: 1, said: expect.stringContaining('openssl rand -base64 32') });
    expect(await runCommand('api')).toMatchObject({ code: 1, said: expect.stringContaining('HANDOFF_ENCRYPTION_KEYS is not set') });
  });

  test('rotate, rewrap, and then the old master key is not needed; with neither of both nothing starts', async () => {
    configured(first);
    expect(await runCommand('encryption', 'rotate', '--tenant', 'globex')).toMatchObject({
      code: 0,
      said: expect.stringContaining('1 new data keys'),
    });
    expect(await runCommand('encryption', 'rotate')).toMatchObject({ code: 0, said: expect.stringContaining('1 new data keys') });
    const old = await dataKeys();
    expect(old.map(({ tag }) => tag)).toEqual([tenantTag('globex'), tenantTag('globex')]);
    configured(second);
    expect(await runCommand('encryption', 'rotate')).toMatchObject({ code: 1, said: expect.stringContaining(String(old[0]?.masterKeyId)) });
    configured(second, first);
    expect(await runCommand('encryption', 'rewrap')).toMatchObject({ code: 0, said: expect.stringContaining('2 data keys') });
    configured(second);
    expect(await runCommand('encryption', 'rotate')).toMatchObject({ code: 0 });
  });

  test('erase ends the jobs of a tenant, its keys, its files and its data keys, and leaves the others alone', async () => {
    configured(second);
    const config = loadConfig({ ...process.env, TEMPORAL_NAMESPACE: 'default' });
    const key = newApiKey();
    const [mine, theirs] = ['erasable', 'globex'].map((tenant) => ({ tenant, id: newJobId('email', tenant) })) as [Run, Run];
    interface Run {
      tenant: string;
      id: string;
    }
    await withDatabase(async (db) => {
      await createApiKeys(db).add('erasable', key);
      const records = createFileRecords(db);
      for (const { tenant, id } of [mine, theirs])
        await records.insert({
          ...{ id: fileIdFor(id, 'x'), tenant, jobId: id, name: 'a', contentType: 'text/plain', size: 1, sha256: 'ab'.repeat(32) },
          createdAt: new Date(),
        });
      const { plugin } = await openProtection(db, config);
      const link = linkTemporal({
        ...{ connection: { address: String(process.env['TEMPORAL_ADDRESS']) }, namespace: 'default', protection: plugin },
        log: () => undefined,
      });
      try {
        await link.connected;
        const { workflow } = link.client();
        for (const { tenant, id } of [mine, theirs])
          await workflow.start('sendEmail', {
            ...{ workflowId: id, taskQueue: 'test-erase', args: [{ tenant, input: 'x' }], memo: { secret: tenant } },
            typedSearchAttributes: [{ key: { name: 'HandoffTenant', type: 'KEYWORD' }, value: tenant }],
          });

        expect(await runCommand('tenants', 'erase', 'erasable')).toMatchObject({ code: 1, said: expect.stringContaining('--yes') });
        expect(await runCommand('tenants', 'erase')).toMatchObject({ code: 1, said: expect.stringContaining('Which tenant?') });
        const erased = await runCommand('tenants', 'erase', 'erasable', '--yes');
        expect(erased).toMatchObject({
          code: 0,
          said: expect.stringMatching(/1 open workflows.*\n1 files are gone.*1 data keys destroyed/),
        });

        await eventually(async () => {
          expect(await statusOf(mine)).toBe('TERMINATED');
        });
        expect(await statusOf(theirs)).toBe('RUNNING');
        const { items } = await createAuditLog(db).list('erasable', {}, { limit: 10 });
        expect(items).toMatchObject([{ action: 'tenant.erase', target: 'erasable', actor: expect.stringMatching(/^cli:/) }]);
        expect(await createApiKeys(db).callerOf(key)).toBeUndefined();
        expect(await records.find('erasable', fileIdFor(mine.id, 'x'))).toBeUndefined();
        expect(await records.find('globex', fileIdFor(theirs.id, 'x'))).toBeDefined();

        // As a process sees it that was not there when it happened.
        const fresh = await openProtection(db, config);
        const later = linkTemporal({
          ...{ connection: { address: String(process.env['TEMPORAL_ADDRESS']) }, namespace: 'default', protection: fresh.plugin },
          log: () => undefined,
        });
        try {
          await later.connected;
          const read = later.client().workflow;
          await expect(read.getHandle(mine.id).describe()).rejects.toThrow('destroyed');
          expect((await read.getHandle(theirs.id).describe()).memo).toEqual({ secret: 'globex' });
          await read.getHandle(theirs.id).terminate();
        } finally {
          await later.close();
        }

        async function statusOf({ id }: Run): Promise<string> {
          const { workflowService } = link.client();
          const { workflowExecutionInfo } = await workflowService.describeWorkflowExecution({
            namespace: 'default',
            execution: { workflowId: id },
          });
          return { 1: 'RUNNING', 5: 'TERMINATED' }[Number(workflowExecutionInfo?.status)] ?? 'other';
        }
      } finally {
        await link.close();
      }
    });
  });
});
