import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import pg from 'pg';

import type { StoredFile } from '../../src/jobs/files.ts';
import { clientOf, formOf, type TenantClient } from '../support/belongings.ts';
import { eventually } from '../support/eventually.ts';
import { findPostgres, startPostgres } from '../support/postgres.ts';
import { startSystem, type TestSystem } from '../support/system.ts';

const programs = await findPostgres();
const skipped = 'skipped' in programs ? programs.skipped : undefined;

/** Where secrets must not get to. */
const mark = 'canary5c0ffee';

(skipped === undefined ? describe : describe.skip)(`reports from data sources${skipped === undefined ? '' : `: ${skipped}`}`, () => {
  let server: Awaited<ReturnType<typeof startPostgres>>;
  let system: TestSystem;
  let acme: TenantClient;
  let other: TenantClient;

  beforeAll(async () => {
    if ('skipped' in programs) throw new Error(programs.skipped);
    server = await startPostgres(programs);
    const admin = new pg.Client(server.url);
    await admin.connect();
    await admin.query(`create role reader login; create table orders (city text, amount numeric(12, 2)); grant select on orders to reader;
      insert into orders values ('Oslo', 10.25), ('Oslo', 0.05), ('Bergen', 7)`);
    await admin.end();
    system = await startSystem({ taskQueue: 'test-data-sources' });
    const api = await system.startApi();
    [acme, other] = [clientOf(api.port, await api.keyOf('acme')), clientOf(api.port, await api.keyOf('other'))];
  }, 180_000);
  afterAll(async () => {
    await system.close();
    await server.stop();
  }, 60_000);

  const crm = (changes: object = {}) => ({
    ...{ kind: 'postgresql', host: '127.0.0.1', port: Number(new URL(server.url).port), database: 'postgres', user: 'reader' },
    ...{ tls: 'disable', password: `${mark}x1`, ...changes },
  });

  async function ended(client: TenantClient, source: object, query?: object) {
    const asked = { title: 'T', source, ...(query && { query }), outputs: [{ format: 'csv' }], options: { retry: { maximumAttempts: 1 } } };
    const { status, body } = await client.ask('POST', '/v1/reports', asked);
    expect([status, body]).toEqual([202, expect.anything()]);
    const id = String(body['id']);
    const job = await eventually(async () => {
      const answer = await client.ask('GET', `/v1/jobs/${id}`);
      expect(['completed', 'failed', 'dead_lettered']).toContain(answer.body['status']);
      return answer.body;
    });
    return { id, job };
  }

  test('join a table of PostgreSQL with an uploaded file and rows, and hold no secret anywhere', async () => {
    expect(await acme.ask('PUT', '/v1/data-sources/crm', crm())).toMatchObject({ status: 201 });
    expect(await acme.ask('POST', '/v1/data-sources/crm/check')).toMatchObject({ status: 200, body: { kind: 'postgresql' } });
    const upload = await acme.ask('POST', '/v1/uploads', formOf('city,country\nOslo,NO\nBergen,NO\n', {}));
    const file = await eventually(async () => {
      const { body } = await acme.ask('GET', `/v1/jobs/${String(upload.body['id'])}`);
      expect(body).toMatchObject({ status: 'completed' });
      return (body['result'] as { file: StoredFile }).file;
    });
    const { id, job } = await ended(
      acme,
      {
        tables: [
          {
            name: 'orders',
            dataSource: 'crm',
            sql: 'select city, amount from orders where amount >= $least and $at > timestamptz $$2026-01-31 11:59:59+00$$',
          },
          { name: 'cities', fileId: file.id },
          { name: 'targets', rows: [{ city: 'Oslo', target: 20 }, { city: 'Bergen', target: 5 }] }, // prettier-ignore
        ],
      },
      {
        sql: 'select city, country, sum(amount) as total, any_value(target) as target from orders join cities using (city) join targets using (city) group by all order by city',
        parameters: { least: 0.05, at: '2026-01-31T13:00:00+01:00' },
        parametersSchema: { properties: { least: { type: 'number' }, at: { type: 'string', format: 'date-time' } } },
      },
    );
    expect(job).toMatchObject({ status: 'completed' });
    const [stored] = (job['result'] as { files: StoredFile[] }).files;
    const csv = await text(system.stores.files.read(stored as StoredFile));
    expect(csv).toBe('city,country,total,target\r\nBergen,NO,7.00,5\r\nOslo,NO,10.30,20\r\n');

    const failed = await ended(acme, { dataSource: 'crm', sql: 'select no_such from orders' });
    expect(failed.job).toMatchObject({ status: 'failed', error: { code: 'query_invalid', detail: expect.stringContaining('no_such') } });
    const away = { kind: 'postgresql', host: '127.0.0.1', port: 1, database: 'x', user: 'x', password: `${mark}x2` };
    await acme.ask('PUT', '/v1/data-sources/away', away);
    const parked = await ended(acme, { dataSource: 'away', sql: 'select 1 as a' });
    expect(parked.job).toMatchObject({ status: 'dead_lettered' });

    const found: string[] = [];
    for (const one of [id, failed.id, parked.id]) {
      const history = await system.link.client().workflow.getHandle(one).fetchHistory();
      if (JSON.stringify(history).includes(mark)) found.push(one);
    }
    for (const path of [
      '/v1/data-sources',
      '/v1/data-sources/crm',
      '/v1/audit-log',
      `/v1/jobs/${parked.id}`,
      `/v1/jobs/${parked.id}/explain`,
    ])
      if (JSON.stringify((await acme.ask('GET', path)).body).includes(mark)) found.push(path);
    for (const entry of await readdir(system.dataDir, { recursive: true, withFileTypes: true }))
      if (entry.isFile() && (await readFile(join(entry.parentPath, entry.name))).includes(mark)) found.push(entry.name);
    expect(found).toEqual([]);
  }, 180_000);

  test('do not reach what belongs to others', async () => {
    const asked = { title: 'T', source: { dataSource: 'crm', sql: 'select 1 as a' }, outputs: [{ format: 'csv' }] };
    expect(await other.ask('POST', '/v1/reports', asked)).toMatchObject({ status: 400, body: { code: 'data_source_not_found' } });
  });

  test('read with what is there when they read, and fail when it is gone', async () => {
    const later = { delaySeconds: 3_600 };
    const asked = { title: 'T', source: { dataSource: 'moves', sql: 'select 1 as a' }, outputs: [{ format: 'csv' }], options: later };
    await acme.ask('PUT', '/v1/data-sources/moves', crm());
    const id = String((await acme.ask('POST', '/v1/reports', asked)).body['id']);
    expect(await acme.ask('DELETE', '/v1/data-sources/moves')).toMatchObject({ status: 204 });
    expect(await acme.ask('PATCH', `/v1/jobs/${id}`, { options: { delaySeconds: 0 } })).toMatchObject({ status: 200 });
    await eventually(async () => {
      const { body } = await acme.ask('GET', `/v1/jobs/${id}`);
      expect(body).toMatchObject({ status: 'failed', error: { code: 'data_source_not_found' } });
    });
  });

  test('find secrets sealed: bound to their name, their place and their tenant', async () => {
    const { dataSources } = system.stores;
    expect((await dataSources.open('acme', 'crm'))?.secrets).toEqual({ password: `${mark}x1` });
    await system.stores.protection.dataKeys?.rotate();
    expect((await dataSources.open('acme', 'crm'))?.secrets).toEqual({ password: `${mark}x1` });
  });
});
