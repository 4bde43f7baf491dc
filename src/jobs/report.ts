import { z } from 'zod';

import { invalid } from '../errors.ts';
import { fitsPayload, spool } from './claim-check.ts';
import type { JobType, Submission } from './definition.ts';
import type { StoredFile } from './files.ts';
import { exampleFile, linkedFile } from './linked-file.ts';
import { type BoundParameter, boundParameters, reportQuery } from './report-query.ts';
import { type ReportChart, reportCharts } from './report-charts.ts';
import { type Cell, fileSource, filesSource, type TableSource } from './report-sources.ts';
import { type ReportColumn, reportColumns } from './report-columns.ts';
import { isCsvType, sourceFile } from './report-files.ts';
import { type ReportFormat, reportFormats, type ReportOutput, reportOutputs } from './report-outputs.ts';
import { type PageLayout, pageLayout, reportPage } from './report-page.ts';
import { singleLine } from './single-line.ts';

export type { Cell } from './report-sources.ts';

const cell = z.union([z.string().max(32_767), z.number(), z.boolean(), z.null()]);

/** `POST /v1/reports`. */
export const reportRequest = z
  .strictObject({
    title: singleLine.min(1).max(200),
    source: z.union([
      z.strictObject({
        rows: z
          .array(z.record(z.string().min(1).max(255), cell))
          .min(1)
          .max(100_000)
          .meta({ description: 'The table `rows` in `sql`.' }),
      }),
      fileSource,
      filesSource,
    ]),
    query: reportQuery.optional(),
    columns: reportColumns.optional(),
    charts: reportCharts.optional(),
    page: reportPage.optional(),
    outputs: reportOutputs,
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

async function inlineSource(rows: RowObject[], submission: Submission) {
  const table = tableOf(rows);
  if (table.columns.length === 0) throw invalid('/source/rows/0', 'has no column');
  if (fitsPayload(table)) return table;
  const lines = (function* () {
    for (const row of table.rows) yield Buffer.from(`${JSON.stringify(row)}\n`);
  })();
  const file = await spool(lines, { name: 'rows.ndjson', contentType: 'application/x-ndjson' }, submission);
  return { columns: table.columns, total: table.rows.length, file };
}

async function preparedSource({ source, query, columns, charts, outputs }: ReportRequest, submission: Submission): Promise<ReportSource> {
  const bound = query && { query: { sql: query.sql, parameters: boundParameters(query) } };
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
  problems: ['file_not_found', 'source_unreadable'],
  prepare: async (request, submission) => ({
    title: request.title,
    source: await preparedSource(request, submission),
    ...(request.columns && { columns: request.columns }),
    ...(request.charts && { charts: request.charts }),
    ...(request.page && { page: await pageLayout(request.page, submission) }),
    outputs: request.outputs,
  }),
  summary: ({ outputs }) => `Report as ${outputs.map((output) => output.format).join(' and ')}`,
  present: ({ rows, files }, link) => ({
    rows,
    files: files.map((file) => ({ ...link(file), format: file.format, ...(file.notes && { notes: file.notes }) })),
  }),
};
