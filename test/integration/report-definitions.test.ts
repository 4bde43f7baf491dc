import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { WorkflowNotFoundError } from '@temporalio/client';

import { clientOf, type TenantClient } from '../support/belongings.ts';
import { eventually } from '../support/eventually.ts';
import { descriptionOf, untilStatus } from '../support/observe.ts';
import { startSystem, type TestApiProcess, type TestSystem } from '../support/system.ts';

let system: TestSystem;
let api: TestApiProcess;
let client: TenantClient;

beforeAll(async () => {
  system = await startSystem({ taskQueue: 'test-report-definitions', only: ['report', 'upload'] });
  api = await system.startApi();
  client = clientOf(api.port, await api.keyOf('acme'));
});
afterAll(() => system.close());

const path = '/v1/report-definitions/sales';
const parametersSchema = { properties: { least: { type: 'number', minimum: 0, default: 5 } } };
const definition = (sql: string) => ({ title: 'Sales', query: { sql, parametersSchema }, outputs: [{ format: 'csv' }] });
const rows = [{ city: 'Oslo', sum: 12.5 }, { city: 'Bergen', sum: 3 }]; // prettier-ignore

async function submit(call: object): Promise<string> {
  const { status, body } = await client.ask('POST', '/v1/reports', { definition: 'sales', ...call });
  expect([status, body]).toEqual([202, expect.anything()]);
  return String(body['id']);
}

async function csvOf(id: string): Promise<string> {
  const { result } = await untilStatus(system, id, 'completed');
  return text(system.stores.files.read((result as { files: { sha256: string }[] }).files[0] ?? { sha256: '' }));
}

test('a job makes its report by the version that it was taken with, whatever is put or removed before it begins', async () => {
  expect(await client.ask('PUT', path, definition('select city from rows where sum >= $least order by city'))).toMatchObject({
    status: 201,
  });
  const now = await submit({ source: { rows } });
  const waiting = await submit({ source: { rows }, parameters: { least: 1 }, options: { delaySeconds: 3_600 } });
  expect(await client.ask('PUT', path, definition('select sum from rows where sum >= $least'))).toMatchObject({ status: 201 });
  const newest = await submit({ source: { rows }, title: 'Sums', outputs: [{ format: 'csv' }, { format: 'json' }] });
  expect(await client.ask('DELETE', path)).toMatchObject({ status: 204 });
  expect(await client.ask('PATCH', `/v1/jobs/${waiting}`, { options: { delaySeconds: 0 } })).toMatchObject({ status: 200 });
  expect(await csvOf(now)).toBe('city\r\nOslo\r\n');
  expect(await csvOf(waiting)).toBe('city\r\nBergen\r\nOslo\r\n');
  expect(await csvOf(newest)).toBe('sum\r\n12.5\r\n');
  const { body } = await client.ask('GET', `/v1/jobs/${now}`);
  expect(body['result']).toMatchObject({ rows: 1, definition: { name: 'sales', version: 1 } });
  const shown = await system.link.client().workflow.getHandle(newest).describe();
  expect(await shown.staticSummary()).toBe('Report as csv and json by sales, version 2');
  expect(await client.ask('POST', '/v1/reports', { definition: 'sales', source: { rows } })).toMatchObject({
    ...{ status: 400, body: { code: 'definition_not_found', errors: [{ pointer: '/definition' }] } },
  });
});

/** As Visibility has seen them; it forgets later than the rest of Temporal. */
async function previewRuns(): Promise<string[]> {
  return eventually(async () => {
    const ids: string[] = [];
    for await (const { workflowId } of system.link.client().workflow.list({ query: "WorkflowType = 'previewReport'" }))
      ids.push(workflowId);
    expect(ids).not.toEqual([]);
    return ids;
  });
}

async function untilGone(ids: string[]): Promise<void> {
  for (const id of ids)
    await eventually(async () => {
      await expect(descriptionOf(system, id)).rejects.toThrow(WorkflowNotFoundError);
    });
}

test('a preview shows the first rows by the same query, and leaves nothing behind', async () => {
  await client.ask('PUT', path, definition('select city, sum from rows where sum >= $least order by sum'));
  const shown = await client.ask('POST', `${path}/preview`, { parameters: { least: 3 }, source: { rows } });
  expect(shown).toMatchObject({
    status: 200,
    body: {
      columns: [{ name: 'city', title: 'city', type: 'text' }, { name: 'sum', title: 'sum', type: 'number' }], // prettier-ignore
      ...{ rows: [['Bergen', 3], ['Oslo', 12.5]], more: false, columnsLeftOut: 0, cut: [] }, // prettier-ignore
    },
  });
  // More rows than a payload holds lie in a file for as long as it takes.
  const many = Array.from({ length: 2_000 }, (_, index) => ({ number: index, text: 'x'.repeat(40) }));
  const query = { sql: 'select * from rows order by number desc' };
  const plain = await client.ask('POST', '/v1/reports/preview', {
    source: { rows: many },
    query,
    columns: [{ name: 'number', title: 'No' }],
  });
  expect(plain).toMatchObject({ status: 200, body: { columns: [{ name: 'number', title: 'No' }], more: true } });
  expect(plain.body['rows']).toEqual(Array.from({ length: 100 }, (_, index) => [1_999 - index]));
  const audit = await system.stores.audit.list('acme', { action: 'file.delete' }, { limit: 5 });
  expect(audit.items).toMatchObject([{ target: expect.stringMatching(/^file_/), details: { preview: true } }]);
  expect(await system.stores.files.find('acme', audit.items[0]?.target ?? '')).toBeUndefined();
});

test('a preview tells what is wrong as the job would', async () => {
  const ask = (body: object) => client.ask('POST', '/v1/reports/preview', { source: { rows }, ...body });
  expect(await ask({ query: { sql: 'select town from rows' } })).toMatchObject({ status: 422, body: { code: 'query_invalid' } });
  expect(await ask({ query: { sql: 'select * from elsewhere' } })).toMatchObject({
    ...{ status: 422, body: { code: 'query_invalid', errors: [{ pointer: '/query/sql' }] } },
  });
  const lying = await client.ask('POST', '/v1/reports/preview', { source: { fileId: 'file_favhp5o4hkxjxccacfxq2eja7m' } });
  expect(lying).toMatchObject({ status: 400, body: { code: 'file_not_found', errors: [{ pointer: '/source/fileId' }] } });
});

test('whoever leaves ends the preview', async () => {
  const leaving = new AbortController();
  const endless = { sql: 'with recursive n as (select 1 as i union all select i + 1 from n) select max(i) from n' };
  const asked = fetch(`${api.url}/v1/reports/preview`, {
    method: 'POST',
    signal: leaving.signal,
    headers: { Authorization: `Bearer ${await api.keyOf('acme')}`, 'Content-Type': 'application/json' },
    body: JSON.stringify({ source: { rows }, query: endless }),
  }).catch((error: unknown) => error);
  const work = join(system.dataDir, 'reports');
  await eventually(async () => {
    expect(await readdir(work)).toHaveLength(1);
  });
  leaving.abort();
  expect(await asked).toMatchObject({ name: 'AbortError' });
  await eventually(async () => {
    expect(await readdir(work)).toEqual([]);
  });
  await untilGone(await previewRuns());
});
