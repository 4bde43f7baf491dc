import { buffer, text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import type { Job } from '../../src/jobs/job.ts';
import { eventually } from '../support/eventually.ts';
import { startSystem, type TestSystem } from '../support/system.ts';

let system: TestSystem;
/** Names of outputs whose next storing fails once. */
const failing = new Set<string>();

beforeAll(async () => {
  system = await startSystem({
    taskQueue: 'test-reports',
    smtpUrl: 'smtp://127.0.0.1:9',
    only: ['report', 'upload'],
    wrapFiles: (files) => ({
      ...files,
      async stage(bytes, options) {
        const staged = await files.stage(bytes, options);
        return {
          ...staged,
          commit: (file) => (failing.delete(file.name) ? Promise.reject(new Error('database away')) : staged.commit(file)),
        };
      },
    }),
  });
});
afterAll(() => system.close());

interface ReportResult {
  rows: number;
  files: { id: string; name: string; sha256: string }[];
}

async function until(id: string, status: Job['status']): Promise<Job> {
  return eventually(async () => {
    const job = await system.jobs.get('acme', id);
    expect(job).toMatchObject({ status });
    return job as Job;
  });
}

async function uploaded(bytes: string, name: string): Promise<string> {
  const { job } = await system.submit('upload', {}, { file: { bytes, name, type: 'text/plain' } });
  return ((await until(job.id, 'completed')).result as { file: { id: string } }).file.id;
}

const outputsOf = (...formats: string[]) => formats.map((format) => ({ format }));
const rows = { rows: [{ city: 'Oslo', sum: 12.5 }, { city: 'Bergen', sum: 7 }] }; // prettier-ignore
const read = (file: { sha256: string } | undefined) => text(system.stores.files.read(file ?? { sha256: '' }));

describe('a report by a query', () => {
  test('joins uploaded files, with parameters, as every format at once', async () => {
    const files = [
      {
        name: 'orders',
        fileId: await uploaded('city;amount;day\nOslo;12.50;2026-01-05\nOslo;0.10;2026-02-01\nBergen;7;2026-02-02\n', 'o.csv'),
      },
      { name: 'cities', fileId: await uploaded('{"name":"Oslo","land":"NO"}\n{"name":"Bergen","land":"NO"}\n', 'c.ndjson') },
    ];
    const { job } = await system.submit('report', {
      title: 'Sales',
      source: { files },
      query: {
        sql: 'select land, city, sum(amount) as total from orders join cities on name = city where day >= $since group by all order by city',
        parameters: { since: '2026-02-01' },
        parametersSchema: { properties: { since: { type: 'string', format: 'date' } } },
      },
      outputs: outputsOf('csv', 'json', 'ndjson', 'parquet', 'xlsx'),
    });
    const result = (await until(job.id, 'completed')).result as ReportResult;
    expect(result).toMatchObject({
      rows: 2,
      files: ['csv', 'json', 'ndjson', 'parquet', 'xlsx'].map((format) => ({ format, name: `Sales.${format}` })),
    });
    const [csv, json, ndjson, parquet] = result.files;
    expect(await read(csv)).toBe('land,city,total\r\nNO,Bergen,7.00\r\nNO,Oslo,0.10\r\n');
    const objects = [{ land: 'NO', city: 'Bergen', total: 7 }, { land: 'NO', city: 'Oslo', total: 0.1 }]; // prettier-ignore
    expect(JSON.parse(await read(json))).toEqual(objects);
    expect((await read(ndjson)).trimEnd().split('\n').map((line) => JSON.parse(line) as unknown)).toEqual(objects); // prettier-ignore
    const bytes = await buffer(system.stores.files.read(parquet ?? { sha256: '' }));
    expect([bytes.toString('latin1', 0, 4), bytes.toString('latin1', bytes.length - 4)]).toEqual(['PAR1', 'PAR1']);
  });

  test('runs the query once, however often an output is tried', async () => {
    failing.add('Once.json');
    const query = { sql: 'select city, random() as n from rows order by city' };
    const { job } = await system.submit('report', { title: 'Once', source: rows, query, outputs: outputsOf('csv', 'json') });
    const { files } = (await until(job.id, 'completed')).result as ReportResult;
    expect(failing.size).toBe(0);
    const [csv, json] = [await read(files[0]), await read(files[1])];
    const numbers = (JSON.parse(json) as { n: number }[]).map(({ n }) => String(n));
    expect(csv.trimEnd().split('\r\n').slice(1).map((line) => line.split(',')[1])).toEqual(numbers); // prettier-ignore
  });

  test.each([
    ['that writes', "copy rows to '/tmp/handoff-stolen.csv'", 'query_invalid'],
    ['that reads another file', "select * from read_text('/etc/passwd')", 'query_invalid'],
  ])('%s fails at once, for good', async (_, sql, code) => {
    const { job } = await system.submit('report', { title: 'T', source: rows, query: { sql }, outputs: outputsOf('csv') });
    expect(await until(job.id, 'failed')).toMatchObject({ attempt: 1, result: null, error: { code } });
  });

  test.each([
    [['csv'], 'writing csv'],
    [['csv', 'json'], 'extracting'],
  ])('that would never end is cancelled, as %j', async (formats, stage) => {
    const sql = 'select count(*) as n from range(1000000000) a, range(1000000000) b where a.range + b.range = -1';
    const { job } = await system.submit('report', { title: 'T', source: rows, query: { sql }, outputs: outputsOf(...formats) });
    await eventually(async () => {
      expect(await system.jobs.get('acme', job.id)).toMatchObject({
        status: 'running',
        progress: { stage, unit: 'percent' },
      });
    });
    await system.jobs.cancel('acme', job.id);
    await until(job.id, 'cancelled');
  });

  test('of a broken file names it and the line', async () => {
    const files = [{ name: 'orders', fileId: await uploaded('a,b\n1,2\n3\n', 'o.csv') }];
    const { job } = await system.submit('report', { title: 'T', source: { files }, outputs: outputsOf('parquet') });
    expect(await until(job.id, 'failed')).toMatchObject({
      attempt: 1,
      error: { code: 'source_unreadable', message: 'orders: The row that begins in line 3 has 1 field, unlike the first line.' },
    });
  });
});
