import { describe, expect, test } from '@jest/globals';

import { report, type ReportRequest } from '../../../src/jobs/report.ts';
import { boundParameters, type ReportQuery, reportQuery } from '../../../src/jobs/report-query.ts';
import { fileIdFor, newJobId } from '../../../src/jobs/ids.ts';
import { chunks, testFileStore } from '../../support/file-store.ts';
import { noTemplates } from '../../support/templates.ts';

const sql = 'select 1';
const bound = (query: Omit<ReportQuery, 'sql'>) => boundParameters(reportQuery.parse({ sql, ...query }));
const schema = {
  properties: {
    since: { type: 'string', format: 'date' },
    at: { type: 'string', format: 'date-time' },
    city: { type: 'string', enum: ['Oslo', 'Bergen'], default: 'Oslo' },
    code: { type: 'string', minLength: 2, maxLength: 3 },
    least: { type: 'integer', minimum: 1, maximum: 10 },
    share: { type: 'number' },
    open: { type: 'boolean' },
  },
  required: ['since'],
} satisfies ReportQuery['parametersSchema'];

describe('parameters of a query', () => {
  test('without a schema have the types of their JSON', () => {
    expect(bound({ parameters: { a: 'x', b: 1, c: 1.5, d: true, e: null, f: 1e300 } }).map(({ name, type }) => [name, type])).toEqual([
      ['a', 'text'],
      ['b', 'integer'],
      ['c', 'number'],
      ['d', 'boolean'],
      ['e', 'text'],
      ['f', 'number'], // prettier-ignore
    ]);
    expect(bound({})).toEqual([]);
  });

  test('with a schema have its types and defaults; what is left out is nothing', () => {
    expect(bound({ parametersSchema: schema, parameters: { since: '2026-01-31', share: 1 } })).toEqual([
      { name: 'since', type: 'date', value: '2026-01-31' },
      { name: 'at', type: 'time', value: null },
      { name: 'city', type: 'text', value: 'Oslo' },
      { name: 'code', type: 'text', value: null },
      { name: 'least', type: 'integer', value: null },
      { name: 'share', type: 'number', value: 1 },
      { name: 'open', type: 'boolean', value: null },
    ]);
  });

  test.each<[string, unknown, string]>([
    ['since', '31.01.2026', 'must be a date like 2026-01-31'],
    ['since', '2026-02-30', 'must be a date like 2026-01-31'],
    ['at', '2026-01-31', 'must be a time like 2026-01-31T12:00:00Z'],
    ['city', 'Rome', 'is none of the values of enum'],
    ['code', '🦆', 'is shorter or longer than allowed'],
    ['code', 'abcd', 'is shorter or longer than allowed'],
    ['least', 0, 'is outside of minimum and maximum'],
    ['least', 11, 'is outside of minimum and maximum'],
    ['least', 1.5, 'must be of type integer'],
    ['least', '1', 'must be of type integer'],
    ['share', 'x', 'must be of type number'],
    ['open', 1, 'must be of type boolean'],
    ['other', 1, 'is not in parametersSchema'],
    ['constructor', 1, 'is not in parametersSchema'],
  ])('are refused before a job starts: %s = %j', (name, value, detail) => {
    const parameters = { since: '2026-01-31', [name]: value } as ReportQuery['parameters'];
    expect(() => bound({ parametersSchema: schema, parameters })).toThrow(
      expect.objectContaining({ code: 'invalid_request', errors: [{ pointer: `/query/parameters/${name}`, detail }] }),
    );
  });

  test('that are required and missing are refused', () => {
    expect(() => bound({ parametersSchema: schema })).toThrow(
      expect.objectContaining({ errors: [{ pointer: '/query/parameters/since', detail: 'is required' }] }),
    );
  });

  test.each([
    { parameters: { 'a b': 1 } },
    { parameters: { '1': 1 } },
    { parameters: { a: [1] } },
    { parametersSchema: { properties: { a: { type: 'object' } } } },
    { parametersSchema: { properties: { a: { type: 'string', pattern: '(a+)+$' } } } },
    { parametersSchema: { properties: {}, $ref: 'https://example.com' } },
  ])('are refused when they are not as described: %j', (query) => {
    expect(reportQuery.safeParse({ sql, ...query }).success).toBe(false);
  });
});

describe('the sources of a query', () => {
  const store = testFileStore();
  const jobId = newJobId('report', 'acme', 'k');
  const submission = (tenant = 'acme') => ({
    tenant,
    jobId,
    createdAt: '2026-11-22T10:00:00.000Z',
    files: store.files,
    templates: noTemplates,
  });
  const stored = async (name: string, contentType: string, tenant = 'acme') => {
    const staged = await store.files.stage(chunks(name));
    return staged.commit({ id: fileIdFor(jobId, name), name, contentType, tenant, jobId });
  };
  const prepare = (request: Pick<ReportRequest, 'source'> & Partial<ReportRequest>, tenant?: string) =>
    report.prepare(report.request.parse({ title: 'T', outputs: [{ format: 'csv' }], ...request }), submission(tenant));

  test.each([
    ['orders.csv', 'text/csv', 'csv'],
    ['orders', 'application/octet-stream', 'csv'],
    ['orders.csv.gz', 'application/gzip', 'csv'],
    ['orders.ndjson.gz', 'application/gzip', 'ndjson'],
    ['orders.JSON', 'text/plain', 'json'],
    ['orders.jsonl', 'text/plain', 'ndjson'],
    ['orders.txt', 'application/json', 'json'],
    ['orders.csv', 'application/vnd.apache.parquet', 'parquet'],
  ])('%s of type %s are read as %s', async (name, contentType, format) => {
    const file = await stored(name, contentType);
    const { source } = await prepare({ source: { fileId: file.id }, query: { sql } });
    expect(source).toEqual({ tables: [{ name: 'source', file, format }], query: { sql, parameters: [] } });
  });

  test('go on without a query as before when it is CSV, and by way of the engine when it is not', async () => {
    const file = await stored('orders.csv', 'text/csv');
    expect((await prepare({ source: { fileId: file.id } })).source).toEqual({ file });
    expect((await prepare({ source: { rows: [{ a: 1 }] } })).source).toEqual({ columns: ['a'], rows: [[1]] });
    const parquet = { outputs: [{ format: 'parquet' as const }] };
    expect((await prepare({ source: { rows: [{ a: 1 }] }, ...parquet })).source).toEqual({
      tables: [{ name: 'rows', columns: ['a'], rows: [[1]] }],
    });
    expect((await prepare({ source: { fileId: file.id, csv: { delimiter: ';' } } })).source).toEqual({
      tables: [{ name: 'source', file, format: 'csv', csv: { delimiter: ';' } }],
    });
    const zipped = await stored('orders.csv.gz', 'application/gzip');
    expect((await prepare({ source: { fileId: zipped.id } })).source).toEqual({
      tables: [{ name: 'source', file: zipped, format: 'csv' }],
    });
  });

  test('are several files by name, with a query', async () => {
    const [a, b] = [await stored('a.csv', 'text/csv'), await stored('b.json', 'application/json')];
    const files = [{ name: 'a', fileId: a.id }, { name: 'b', fileId: b.id }]; // prettier-ignore
    expect((await prepare({ source: { files }, query: { sql } })).source).toMatchObject({ tables: [{ name: 'a', file: a }, { name: 'b', file: b, format: 'json' }] }); // prettier-ignore
    await expect(prepare({ source: { files } })).rejects.toMatchObject({ code: 'invalid_request', errors: [{ pointer: '/query' }] });
  });

  test("are refused when one is unknown, another tenant's, a picture, or has a dialect that does not go with it", async () => {
    const [mine, picture, json] = [
      await stored('a.csv', 'text/csv'),
      await stored('p.png', 'image/png'),
      await stored('j.json', 'application/json'),
    ];
    const foreign = await stored('f.csv', 'text/csv', 'other');
    const ask = (fileId: string, more = {}) => prepare({ source: { files: [{ name: 'a', fileId: mine.id }, { name: 'b', fileId, ...more }] }, query: { sql } }); // prettier-ignore
    const missing = {
      code: 'file_not_found',
      message: 'no such file',
      errors: [{ pointer: '/source/files/1/fileId', detail: 'no such file' }],
    };
    await expect(ask(foreign.id)).rejects.toMatchObject(missing);
    await expect(ask(fileIdFor(jobId, 'unknown'))).rejects.toMatchObject(missing);
    await expect(ask(picture.id)).rejects.toMatchObject({ code: 'source_unreadable', errors: [{ pointer: '/source/files/1/fileId' }] });
    await expect(ask(json.id, { csv: { delimiter: ';' } })).rejects.toMatchObject({ errors: [{ pointer: '/source/files/1/csv' }] });
  });

  test.each([['a b'], ['1a'], ['a"b'], ["a'; drop table x"], [''], ['ä']])('can not be called %j', (name) => {
    expect(report.request.safeParse({ title: 'T', outputs: [{ format: 'csv' }], source: { files: [{ name, fileId: 'x' }] } }).success).toBe(
      false,
    );
  });

  test('can not have one name twice, in whatever case', () => {
    const files = [{ name: 'a', fileId: 'x' }, { name: 'A', fileId: 'y' }]; // prettier-ignore
    expect(report.request.safeParse({ title: 'T', outputs: [{ format: 'csv' }], source: { files }, query: { sql } }).success).toBe(false);
  });

  test('stay small in Temporal, text and parameters too', async () => {
    const parameters = Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`p${String(i)}`, 'x'.repeat(1_000)]));
    await expect(prepare({ source: { rows: [{ a: 1 }] }, query: { sql, parameters } })).rejects.toMatchObject({
      errors: [{ pointer: '/query' }],
    });
  });
});
