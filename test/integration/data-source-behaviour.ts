import { expect, test } from '@jest/globals';
import type { Kysely } from 'kysely';

import { createAuditLog } from '../../src/database/audit-log.ts';
import { createDataSourceStore } from '../../src/database/data-sources.ts';
import { knownTenants, removeTenant } from '../../src/database/erase-tenant.ts';
import type { Database } from '../../src/database/schema.ts';
import { destinationOf, type DataSourceSettings } from '../../src/jobs/data-sources.ts';
import { tenantTag } from '../../src/jobs/ids.ts';
import { anEntry } from '../support/audit.ts';
import { cipher, memoryDataKeys } from '../support/data-keys.ts';

const entry = anEntry({ action: 'data_source.put' });
const settings: DataSourceSettings = {
  ...{ kind: 'postgresql', host: 'db.example.com', port: 5432, database: 'crm', user: 'reports', tls: 'verify-full' },
};
const secrets = { password: 'hunter2' };

/** What a store of data sources does in either database. */
export function dataSourceBehaviour(open: () => Kysely<Database>): void {
  const of = (tenant: string) => {
    const keys = memoryDataKeys();
    const store = createDataSourceStore(open(), { keys, ...cipher, tagOf: tenantTag, destinationOf });
    const put = (changes: object = {}) => store.put({ tenant, name: 'crm', settings, description: null, secrets, ...changes }, entry);
    const row = () => open().selectFrom('dataSources').selectAll().where('tenant', '=', tenant).executeTakeFirstOrThrow();
    return { keys, store, put, row };
  };

  test('secrets of a data source lie sealed, outlive a new data key, and end with the keys of the tenant', async () => {
    const { keys, store, put, row } = of('sources-sealed');
    expect(await put()).toMatchObject({ made: true, source: { version: 1, secretNames: ['password'] } });
    const stored = await row();
    expect([JSON.stringify(stored).includes('hunter2'), Buffer.from(stored.sealed ?? '', 'base64').includes('hunter2')]).toEqual([
      false,
      false,
    ]);
    keys.rotate(tenantTag('sources-sealed'));
    expect((await store.open('sources-sealed', 'crm'))?.secrets).toEqual(secrets);
    expect(await put({ secrets: undefined, description: 'Sales' })).toMatchObject({ made: false, source: { version: 2 } });
    expect((await store.open('sources-sealed', 'crm'))?.secrets).toEqual(secrets);
    const { items } = await createAuditLog(open()).list('sources-sealed', {}, { limit: 20 });
    expect(items.map(({ target, details }) => [target, details])).toEqual([
      ['crm', { version: 2, kind: 'postgresql', secrets: false }],
      ['crm', { version: 1, kind: 'postgresql', secrets: true }],
    ]);
    keys.destroy(tenantTag('sources-sealed'));
    await expect(store.open('sources-sealed', 'crm')).rejects.toMatchObject({ code: 'data_source_configuration', retryable: true });
  });

  test('sealed secrets that are led to another place, name or tenant in the table can not be opened', async () => {
    const { store, put } = of('sources-led');
    await put();
    const change = (values: Partial<{ settings: string; name: string; tenant: string }>) =>
      open().updateTable('dataSources').set(values as never).where('tenant', '=', 'sources-led').execute(); // prettier-ignore
    await change({ settings: JSON.stringify({ ...settings, host: 'evil.example.com' }) });
    await expect(store.open('sources-led', 'crm')).rejects.toMatchObject({ code: 'data_source_configuration' });
    await change({ settings: JSON.stringify({ ...settings, database: 'other' }), name: 'moved' });
    await expect(store.open('sources-led', 'moved')).rejects.toMatchObject({ code: 'data_source_configuration' });
    await change({ name: 'crm', tenant: 'sources-led-away' });
    await expect(store.open('sources-led-away', 'crm')).rejects.toMatchObject({ code: 'data_source_configuration' });
  });

  test('without encryption keys no secret is stored, and all else is', async () => {
    const store = createDataSourceStore(open(), { keys: undefined, ...cipher, tagOf: tenantTag, destinationOf });
    const change = { tenant: 'sources-clear', name: 'crm', settings, description: null };
    await expect(store.put({ ...change, secrets }, entry)).rejects.toMatchObject({ code: 'encryption_needed' });
    expect(await store.list('sources-clear')).toEqual([]);
    expect(await store.put({ ...change, secrets: {} }, entry)).toMatchObject({ made: true, source: { secretNames: [] } });
  });

  test('one of many writers wins who have seen the same data source; an erased tenant has none', async () => {
    const { store, put } = of('sources-writers');
    await put();
    const outcomes = await Promise.allSettled(Array.from({ length: 5 }, () => put({ ifVersion: 1 })));
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const one of outcomes) if (one.status === 'rejected') expect(one.reason).toMatchObject({ code: 'precondition_failed' });
    expect(await knownTenants(open())).toContain('sources-writers');
    await removeTenant(open(), 'sources-writers');
    expect(await store.find('sources-writers', 'crm')).toBeUndefined();
  });
}
