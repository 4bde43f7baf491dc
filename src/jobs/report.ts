import { z } from 'zod';

import { invalid } from '../errors.ts';
import { fitsPayload, spool } from './claim-check.ts';
import type { JobType, Submission } from './definition.ts';
import type { StoredFile } from './files.ts';
import { exampleFile, linkedFile } from './linked-file.ts';
import { type BoundParameter, boundParameters, reportQuery } from './report-query.ts';
import { type ReportChart, reportCharts } from './report-charts.ts';
import { remoteTable } from './report-data-sources.ts';
import {
  askedSource,
  type AskedTable,
  type Cell,
  fetchedSource,
  fileSource,
  filesSource,
  rowsSource,
  type TableSource,
  tablesSource,
} from './report-sources.ts';
import { longestCacheSeconds } from './report-cache.ts';
import { type ReportColumn, reportColumns } from './report-columns.ts';
import { isCsvType, sourceFile } from './report-files.ts';
import { deliveryInput, type DeliveryInput, reportDelivery, type ReportDelivery, reportDeliveryResult } from './report-delivery.ts';
import { isDirect, type ReportFormat, reportFormats, type ReportOutput, reportOutputs } from './report-outputs.ts';
import { retentionDays } from './retention.ts';
import { type PageLayout, pageLayout, reportPage } from './report-page.ts';
import { singleLine } from './single-line.ts';
import { namesInTables } from './table-parameters.ts';

export type { Cell } from './report-sources.ts';

/** `POST /v1/reports`. */
export const reportRequest = z
  .strictObject({
    title: singleLine.min(1).max(200),
    source: z.union([rowsSource, fileSource, filesSource, askedSource, fetchedSource, tablesSource]),
    query: reportQuery.optional(),
    columns: reportColumns.optional(),
    charts: reportCharts.optional(),
    page: reportPage.optional(),
    cacheSeconds: z.int().min(1).max(longestCacheSeconds).optional().meta({
      description:
        'The rows of the same query over the same sources are taken again when they are not older than this. Default: the query always runs.',
    }),
    outputs: reportOutputs,
    delivery: reportDelivery.optional(),
    retentionDays: retentionDays.optional(),
  })
  .meta({
    examples: [
      { title: 'Sales', source: { rows: [{ city: 'Oslo', sum: 12.5 }] }, outputs: [{ format: 'csv' }, { format: 'xlsx' }] },
      { title: 'Sales', source: { fileId: 'file_favhp5o4hkxjxccacfxq2eja7m' }, outputs: [{ format: 'csv' }] },
      {
        title: 'Sales by city',
        source: { files: [{ name: 'orders', fileId: 'file_favhp5o4hkxjxccacfxq2eja7m' }] },
        query: {
          sql: 'select city, sum(amount) as total from orders where day >= $since group by city',
          parameters: { since: '2026-01-01' },
        },
        outputs: [{ format: 'csv' }, { format: 'parquet' }],
      },
      {
        title: 'Sales',
        source: { fileId: 'file_favhp5o4hkxjxccacfxq2eja7m' },
        outputs: [{ format: 'xlsx' }],
        delivery: { email: { to: ['ada@example.com'], attach: 'always' }, links: { maxDownloads: 10 }, skipIfEmpty: true },
        retentionDays: 30,
      },
      {
        title: 'Targets',
        source: {
          tables: [
            {
              name: 'orders',
              dataSource: 'crm',
              sql: 'select city, amount from orders where day >= $since',
              parameters: { since: '2026-01-01' },
            },
            { name: 'targets', rows: [{ city: 'Oslo', target: 1000 }] },
          ],
        },
        query: {
          sql: 'select city, sum(amount) as total, any_value(target) as target from orders join targets using (city) group by city',
        },
        outputs: [{ format: 'xlsx' }],
      },
    ],
  });

export type ReportRequest = z.infer<typeof reportRequest>;

/** Rows in the payload while they are small, else in a file: CSV as uploaded, or NDJSON (one array of cells a line) as we wrote it. */
export type PlainSource =
  { columns: string[]; rows: Cell[][] } | { columns: string[]; total: number; file: StoredFile } | { file: StoredFile };

/** Tables from which a query makes the rows. Default: all of the only table. */
export interface Extraction {
  tables: TableSource[];
  query?: { sql: string; parameters: BoundParameter[] };
}

export type ReportSource = PlainSource | Extraction;

/** Input of the workflow `generateReport`. */
export interface ReportInput {
  title: string;
  source: ReportSource;
  /** Default: all, as they come. */
  columns?: ReportColumn[];
  charts?: ReportChart[];
  page?: PageLayout;
  outputs: ReportOutput[];
  /** The only output is written while the query runs, and its rows are kept nowhere else. */
  atOnce?: boolean;
  delivery?: DeliveryInput;
  /** That it was made by, as it was then. */
  definition?: { name: string; version: number };
  cacheSeconds?: number;
}

export interface ReportFile extends StoredFile {
  format: ReportFormat;
  /** What a reader must know of it. */
  notes?: string[];
}

export interface ReportResult {
  /** Data rows, without the header. */
  rows: number;
  files: ReportFile[];
  /** Of a report that goes to somebody. */
  delivery?: ReportDelivery;
  definition?: { name: string; version: number };
  /** Only with `cacheSeconds`. */
  cached?: { cached: boolean; madeAt: string };
}

const reportResult = z
  .object({
    rows: z.int().meta({ description: 'Data rows, without the header.' }),
    files: z
      .array(
        linkedFile.extend({
          format: z.enum(reportFormats),
          notes: z.array(z.string()).optional().meta({ description: 'What could not be shown in it.' }),
        }),
      )
      .meta({ description: 'In the order of `outputs`.' }),
    delivery: reportDeliveryResult.optional().meta({ description: 'Of a report that goes to somebody.' }),
    definition: z
      .object({ name: z.string(), version: z.int() })
      .optional()
      .meta({ description: 'The report definition, and its version.' }),
    cached: z.boolean().optional().meta({ description: 'Whether the rows are those of an earlier report. Only with `cacheSeconds`.' }),
    madeAt: z.string().optional().meta({ description: 'When they were queried.' }),
  })
  .meta({ examples: [{ rows: 1, files: [{ ...exampleFile, format: 'csv' }] }] });

/** Formats whose columns have types. */
const typedFormats: ReadonlySet<ReportFormat> = new Set(['parquet', 'pdf']);

type RowObject = Record<string, Cell>;

/** Column names in the order in which they first appear: rows need not have the same keys. */
function tableOf(rows: RowObject[]): { columns: string[]; rows: Cell[][] } {
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  return { columns, rows: rows.map((row) => columns.map((column) => (Object.hasOwn(row, column) ? (row[column] ?? null) : null))) };
}

async function inlineSource(rows: RowObject[], submission: Submission, place = '/source') {
  const table = tableOf(rows);
  if (table.columns.length === 0) throw invalid(`${place}/rows/0`, 'has no column');
  if (fitsPayload(table)) return table;
  const lines = (function* () {
    for (const row of table.rows) yield Buffer.from(`${JSON.stringify(row)}\n`);
  })();
  const file = await spool(lines, { name: 'rows.ndjson', contentType: 'application/x-ndjson' }, submission);
  return { columns: table.columns, total: table.rows.length, file };
}

async function preparedTable(
  table: AskedTable,
  place: string,
  submission: Submission,
  shared: readonly BoundParameter[] | undefined,
): Promise<TableSource> {
  if ('rows' in table) return { name: table.name, ...(await inlineSource(table.rows, submission, place)) };
  return 'fileId' in table ? sourceFile(table, place, submission) : remoteTable(table, place, submission, shared);
}

async function preparedSource({ source, query, columns, charts, outputs }: ReportRequest, submission: Submission): Promise<ReportSource> {
  const mentioned = namesInTables(source);
  const shared = query && boundParameters(query).map((one) => (mentioned.has(one.name) ? { ...one, tables: true as const } : one));
  const bound = query && { query: { sql: query.sql, parameters: shared ?? [] } };
  if (bound !== undefined && !fitsPayload(bound)) throw invalid('/query', 'is too large: text and parameters together have at most 32 KiB');
  // Its columns have types, which the rows of the other sources lack.
  const typed =
    bound !== undefined || columns !== undefined || charts !== undefined || outputs.some(({ format }) => typedFormats.has(format));
  if ('rows' in source) {
    const rows = await inlineSource(source.rows, submission);
    return typed ? { tables: [{ name: 'rows', ...rows }], ...bound } : rows;
  }
  if ('fileId' in source) {
    const { fileId, ...said } = source;
    const file = await sourceFile({ name: 'source', fileId, ...said }, '/source', submission);
    const plain = !typed && said.csv === undefined && file.format === 'csv' && isCsvType(file.file.contentType);
    return plain ? { file: file.file } : { tables: [file], ...bound };
  }
  if ('dataSource' in source)
    return { tables: [await preparedTable({ name: 'source', ...source }, '/source', submission, shared)], ...bound };
  if ('tables' in source) {
    if (source.tables.length > 1 && bound === undefined) throw invalid('/query', 'is required with several tables');
    const tables: TableSource[] = [];
    for (const [index, table] of source.tables.entries())
      tables.push(await preparedTable(table, `/source/tables/${String(index)}`, submission, shared));
    if (!fitsPayload({ tables, ...bound }))
      throw invalid('/source/tables', 'is too large: all texts and rows together have at most 32 KiB; send rows as a file');
    return { tables, ...bound };
  }
  if (source.files.length > 1 && bound === undefined) throw invalid('/query', 'is required with several files');
  const tables: TableSource[] = [];
  for (const [index, file] of source.files.entries()) tables.push(await sourceFile(file, `/source/files/${String(index)}`, submission));
  return { tables, ...bound };
}

export const report: JobType<ReportRequest, ReportInput, ReportResult> = {
  type: 'report',
  path: '/reports',
  body: 'json',
  request: reportRequest,
  result: reportResult,
  problems: ['file_not_found', 'file_quarantined', 'file_rejected', 'source_unreadable', 'data_source_not_found'],
  async prepare({ outputs, ...request }, submission) {
    // Before anything is stored.
    const delivery = deliveryInput(request, submission);
    const source = await preparedSource({ outputs, ...request }, submission);
    const [only, ...others] = outputs;
    const { columns, charts, page, cacheSeconds } = request;
    // Rows that may be used again are kept, and so are those that are read twice.
    const atOnce = 'tables' in source && cacheSeconds === undefined && only !== undefined && isDirect(only) && others.length === 0;
    return {
      title: request.title,
      source,
      ...(columns && { columns }),
      ...(charts && { charts }),
      ...(page && { page: await pageLayout(page, submission) }),
      outputs,
      ...(atOnce && { atOnce }),
      ...(cacheSeconds !== undefined && { cacheSeconds }),
      ...(delivery && { delivery }),
    };
  },
  summary: ({ outputs }) => `Report as ${outputs.map((output) => output.format).join(' and ')}`,
  emails: ({ delivery }) => ({ count: delivery?.email?.to.length ?? 0, pointer: '/delivery/email/to' }),
  present: ({ rows, files, cached, delivery, definition }, link) => ({
    rows,
    files: files.map((file) => ({ ...link(file), format: file.format, ...(file.notes && { notes: file.notes }) })),
    ...cached,
    ...(delivery && { delivery }),
    ...(definition && { definition }),
  }),
};
