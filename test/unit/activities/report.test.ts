import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import { type KeptExtract, type KeptExtracts, type ReportDependencies, type ReportEngine } from '../../../activities/report-ports.ts';
import { reportActivities, type Rendering, type RowsToExtract } from '../../../activities/report.ts';
import { fileIdFor, newJobId } from '../../../src/jobs/ids.ts';
import type { Cell } from '../../../src/jobs/report.ts';
import type { ReportFormat } from '../../../src/jobs/report-outputs.ts';
import { extractionKey } from '../../../src/jobs/report-cache.ts';
import { isDirect } from '../../../src/jobs/report-outputs.ts';
import { createReportEngine } from '../../../src/reports/engine.ts';
import { runActivity } from '../../support/activity.ts';
import { eventually } from '../../support/eventually.ts';
import { chunks, testFileStore } from '../../support/file-store.ts';

const store = testFileStore();
const jobId = newJobId('report', 'acme', 'k');
type ReportFiles = ReportDependencies['files'];
const extracts = new Map<string, KeptExtract>();
const kept: KeptExtracts = {
  keyOf: extractionKey,
  find: (tenant, key) => Promise.resolve(extracts.get(`${tenant} ${key}`)),
  keep: (tenant, key, extract) => Promise.resolve(void extracts.set(`${tenant} ${key}`, extract)),
};
let directory = '';
let engine: ReportEngine;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'handoff-reports-'));
  engine = createReportEngine(directory, { memoryMb: 128, threads: 2, diskMb: 64, maxRows: 100_000, querySeconds: 60 });
});
afterAll(() => rm(directory, { recursive: true, force: true }));

const small: Rendering = {
  tenant: 'acme',
  title: 'Sales',
  source: { columns: ['a', 'b'], rows: [[1, 'x'], [2]] },
  output: { format: 'csv' },
};

function run(rendering: Rendering, files: ReportFiles = store.files) {
  return runActivity(() => reportActivities({ engine, files, kept, isDirect, fileIdFor }).renderReport(rendering), { jobId });
}

async function stored(bytes: string, role: string, contentType = 'text/csv') {
  const staged = await store.files.stage(chunks(bytes));
  return staged.commit({ id: fileIdFor(jobId, role), name: 'x.csv', contentType, tenant: 'acme', jobId });
}

describe('renderReport', () => {
  test('writes a file of the job and counts the rows', async () => {
    const { rows, file } = await run(small).result;
    expect(rows).toBe(2);
    expect(file).toMatchObject({
      name: 'Sales.csv',
      contentType: 'text/csv; charset=utf-8',
      format: 'csv',
      id: fileIdFor(jobId, 'output csv'),
    });
    expect(await text(store.files.read(file))).toBe('a,b\r\n1,x\r\n2,\r\n');
    expect(store.records.get(file.id)).toMatchObject({ tenant: 'acme', jobId });
    expect(await store.count()).toBe(1);
  });

  test('writes the same file again in another attempt', async () => {
    const first = await run(small).result;
    expect(await run(small).result).toEqual(first);
    expect([store.records.size, await store.count()]).toEqual([1, 1]);
  });

  test.each(['csv', 'xlsx'] as const)('reads an uploaded CSV for %s', async (format) => {
    const file = await stored('n,name\r\n1,Ada\r\n2,Bob\r\n', 'source');
    const { rows } = await run({ ...small, source: { file }, output: { format } }).result;
    expect(rows).toBe(2);
  });

  test('reads spooled rows, and knows their number while it works', async () => {
    const lines = Array.from({ length: 2_500 }, (_, i) => `[${String(i)},"x"]\n`).join('');
    const file = await stored(lines, 'source', 'application/x-ndjson');
    const { result, beats } = run({ ...small, source: { columns: ['a', 'b'], total: 2_500, file } });
    expect((await result).rows).toBe(2_500);
    const at = (done: number) => ({ done, total: 2_500, unit: 'rows', stage: 'writing csv' });
    expect(beats).toEqual([at(1_000), at(2_000), at(2_500)]);
  });

  test.each([
    ['Q1/Q2: "best" <ever>?', 'Q1 Q2 best ever.csv'],
    ['../../etc', 'etc.csv'],
    ['...', 'report.csv'],
    ['  \\ ', 'report.csv'],
    ['Ümsätze 2026', 'Ümsätze 2026.csv'],
  ])('names the file after the title %j: %j', async (title, name) => {
    expect((await run({ ...small, title }).result).file.name).toBe(name);
  });

  test('fails for good with the line of a broken source, and keeps nothing of the output', async () => {
    const file = await stored('a,b\n1,2\n3\n', 'source');
    await expect(run({ ...small, source: { file } }).result).rejects.toMatchObject({
      type: 'source_unreadable',
      nonRetryable: true,
      message: expect.stringContaining('line 3'),
    });
    expect([store.records.size, await store.count()]).toEqual([1, 1]);
  });

  test('stops when it is cancelled, and keeps nothing', async () => {
    const endless = async function* (): AsyncGenerator<Cell[]> {
      for (;;)
        yield await new Promise<Cell[]>((resolve) =>
          setImmediate(() => {
            resolve([1, 2]);
          }),
        );
    };
    const source = { columns: ['a', 'b'], total: 9, file: { id: '', name: '', contentType: '', size: 0, sha256: '0'.repeat(64) } };
    const files = { ...store.files, read: () => store.files.read({ sha256: '0'.repeat(64) }) };
    const activities = reportActivities({ engine: { ...engine, readNdjson: endless }, files, kept, isDirect, fileIdFor });
    const running = runActivity(() => activities.renderReport({ ...small, source }), { jobId });
    await new Promise((resolve) => setImmediate(resolve));
    running.cancel();
    await expect(running.result).rejects.toThrow('cancelled');
    expect([store.records.size, await store.count()]).toEqual([0, 0]);
  });

  test('discards the bytes when they can not be recorded', async () => {
    const failing: ReportFiles = {
      ...store.files,
      stage: async (...asked) => ({ ...(await store.files.stage(...asked)), commit: () => Promise.reject(new Error('database away')) }),
    };
    await expect(run(small, failing).result).rejects.toThrow('database away');
    expect(await store.count()).toBe(0);
  });
});

describe('extractRows', () => {
  const activities = () => reportActivities({ engine, files: store.files, kept, isDirect, fileIdFor });
  const extract = (source: RowsToExtract['source']) =>
    runActivity(() => activities().extractRows({ tenant: 'acme', source }), { jobId }).result;
  const rows = { name: 'rows', columns: ['n', 'list'], rows: [[1, 'a'], [2, 'b'], [3, '=c']] as Cell[][] }; // prettier-ignore
  const query = { sql: 'select n * $by as n, [list] as list from rows where n > 1 order by n', parameters: [{ name: 'by', type: 'integer' as const, value: 10 }] }; // prettier-ignore

  test('keeps the rows of a query as a file of the job, from which every output is made', async () => {
    const source = await extract({ tables: [rows], query });
    expect(source).toMatchObject({ total: 2, extract: { name: 'rows.parquet', contentType: 'application/vnd.apache.parquet' } });
    const output = async (format: ReportFormat) => {
      const rendered = await run({ ...small, source, output: { format } }).result;
      expect(rendered.rows).toBe(2);
      return rendered.file;
    };
    expect(await text(store.files.read(await output('csv')))).toBe('n,list\r\n20,"[""b""]"\r\n30,"[""=c""]"\r\n');
    expect(await text(store.files.read(await output('json')))).toBe('[\n{"n":20,"list":["b"]},\n{"n":30,"list":["=c"]}\n]\n');
    expect(await text(store.files.read(await output('ndjson')))).toBe('{"n":20,"list":["b"]}\n{"n":30,"list":["=c"]}\n');
    expect(await output('parquet')).toMatchObject({ name: 'Sales.parquet', sha256: source.extract.sha256 });
    expect((await output('xlsx')).size).toBeGreaterThan(0);
  });

  test('keeps the same file in another attempt', async () => {
    expect(await extract({ tables: [rows], query })).toEqual(await extract({ tables: [rows], query }));
    expect([store.records.size, await store.count()]).toEqual([1, 1]);
  });

  test('takes the rows of an earlier report where that is asked for, for this tenant, this long, and while they are there', async () => {
    const random = { tables: [rows], query: { sql: 'select random() as n', parameters: [] } };
    const ask = (cacheSeconds?: number, more: Partial<RowsToExtract> = {}, id = newJobId('report', 'acme', String(cacheSeconds))) =>
      runActivity(() => activities().extractRows({ tenant: 'acme', source: random, ...(cacheSeconds !== undefined && { cacheSeconds }), ...more }), { jobId: id }).result; // prettier-ignore
    const first = await ask(60);
    expect(first.cached?.cached).toBe(false);
    const again = await ask(3_600);
    expect(again).toMatchObject({
      total: 1,
      extract: { sha256: first.extract.sha256 },
      cached: { cached: true, madeAt: first.cached?.madeAt },
    });
    expect(again.extract.id).not.toBe(first.extract.id);
    expect((await ask()).extract.sha256).not.toBe(first.extract.sha256);
    const other = await ask(60, { tenant: 'umbrella' }, newJobId('report', 'umbrella', 'k'));
    expect([other.cached?.cached, other.extract.sha256 === first.extract.sha256]).toEqual([false, false]);
    const query = { ...random.query, parameters: [{ name: 'x', type: 'integer' as const, value: 1 }] };
    const asked = await ask(60, { source: { ...random, query: { ...query, sql: 'select random() as n, $x as x' } } });
    expect(asked.cached?.cached).toBe(false);
    for (const extract of extracts.values()) extract.madeAt = new Date(Date.now() - 61_000);
    expect((await ask(60)).cached?.cached).toBe(false);
    store.records.clear();
    expect((await ask(60)).cached?.cached).toBe(false);
  });

  test('reads spooled rows and uploaded files together', async () => {
    const spooled = await stored('[1,"x"]\n[2,"y"]\n', 'spooled', 'application/x-ndjson');
    const uploaded = await stored('n;name\n1;Ada\n2;Bob\n', 'uploaded');
    const tables = [
      { name: 'rows', columns: ['n', 't'], total: 2, file: spooled },
      { name: 'people', file: uploaded, format: 'csv' as const },
    ];
    const source = await extract({ tables, query: { sql: 'select name, t from rows join people using (n) order by n', parameters: [] } });
    const { file } = await run({ ...small, source }).result;
    expect(await text(store.files.read(file))).toBe('name,t\r\nAda,x\r\nBob,y\r\n');
  });

  test('fails for good when the query can not be run, and keeps nothing', async () => {
    const failing = extract({ tables: [rows], query: { sql: 'drop view rows', parameters: [] } });
    await expect(failing).rejects.toMatchObject({ type: 'query_invalid', nonRetryable: true });
    expect([store.records.size, await store.count()]).toEqual([0, 0]);
  });

  test('stops when it is cancelled', async () => {
    const sql = 'select max(hash(range)) as n from range(1000000000000)';
    const running = runActivity(() => activities().extractRows({ tenant: 'acme', source: { tables: [rows], query: { sql, parameters: [] } } }), { jobId }); // prettier-ignore
    await eventually(() => {
      expect(running.beats.length).toBeGreaterThan(0);
    });
    running.cancel();
    await expect(running.result).rejects.toThrow('cancelled');
  });
});
