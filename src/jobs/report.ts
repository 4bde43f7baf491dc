import { z } from 'zod';

import { invalid } from '../errors.ts';
import { fitsPayload, spool } from './claim-check.ts';
import type { JobType, Submission } from './definition.ts';
import type { StoredFile } from './files.ts';
import { exampleFile, linkedFile } from './linked-file.ts';
import { singleLine } from './single-line.ts';

export const reportFormats = ['csv', 'xlsx'] as const;
export type ReportFormat = (typeof reportFormats)[number];

/** A finite number, a string, a boolean or nothing. */
export type Cell = string | number | boolean | null;
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
          .max(100_000),
      }),
      z.strictObject({
        fileId: z.string().max(100).meta({ description: 'An uploaded CSV file (RFC 4180, UTF-8, first line = column names).' }),
      }),
    ]),
    outputs: z
      .array(z.strictObject({ format: z.enum(reportFormats) }))
      .min(1)
      .max(reportFormats.length)
      .refine((outputs) => new Set(outputs.map((output) => output.format)).size === outputs.length, 'has the same format twice'),
  })
  .meta({
    examples: [
      { title: 'Sales', source: { rows: [{ city: 'Oslo', sum: 12.5 }] }, outputs: [{ format: 'csv' }, { format: 'xlsx' }] },
      { title: 'Sales', source: { fileId: 'file_favhp5o4hkxjxccacfxq2eja7m' }, outputs: [{ format: 'csv' }] },
    ],
  });

export type ReportRequest = z.infer<typeof reportRequest>;

/** Rows in the payload while they are small, else in a file: CSV as uploaded, or NDJSON (one array of cells a line) as we wrote it. */
export type ReportSource =
  { columns: string[]; rows: Cell[][] } | { columns: string[]; total: number; file: StoredFile } | { file: StoredFile };

/** Input of the workflow `generateReport`. */
export interface ReportInput {
  title: string;
  source: ReportSource;
  outputs: { format: ReportFormat }[];
}

export interface ReportFile extends StoredFile {
  format: ReportFormat;
}

export interface ReportResult {
  /** Data rows, without the header. */
  rows: number;
  files: ReportFile[];
}

const reportResult = z
  .object({
    rows: z.int().meta({ description: 'Data rows, without the header.' }),
    files: z.array(linkedFile.extend({ format: z.enum(reportFormats) })).meta({ description: 'In the order of `outputs`.' }),
  })
  .meta({ examples: [{ rows: 1, files: [{ ...exampleFile, format: 'csv' }] }] });

type RowObject = Record<string, Cell>;

/** Column names in the order in which they first appear: rows need not have the same keys. */
function tableOf(rows: RowObject[]): { columns: string[]; rows: Cell[][] } {
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  return { columns, rows: rows.map((row) => columns.map((column) => (Object.hasOwn(row, column) ? (row[column] ?? null) : null))) };
}

async function inlineSource(rows: RowObject[], submission: Submission): Promise<ReportSource> {
  const table = tableOf(rows);
  if (table.columns.length === 0) throw invalid('/source/rows/0', 'has no column');
  if (fitsPayload(table)) return table;
  const lines = (function* () {
    for (const row of table.rows) yield Buffer.from(`${JSON.stringify(row)}\n`);
  })();
  const file = await spool(lines, { name: 'rows.ndjson', contentType: 'application/x-ndjson' }, submission);
  return { columns: table.columns, total: table.rows.length, file };
}

/** CSV has no signature: anything whose bytes or declaration say otherwise is refused before a job starts. */
async function fileSource(fileId: string, { tenant, files }: Submission): Promise<ReportSource> {
  const found = await files.find(tenant, fileId);
  if (found === undefined) throw invalid('/source/fileId', 'no such file', 'file_not_found');
  const { id, name, contentType, size, sha256 } = found;
  if (!/^(text\/|application\/(octet-stream|csv|vnd\.ms-excel)$)/.test(contentType))
    throw invalid('/source/fileId', `expected a CSV file, got ${contentType}`, 'source_unreadable');
  return { file: { id, name, contentType, size, sha256 } };
}

export const report: JobType<ReportRequest, ReportInput, ReportResult> = {
  type: 'report',
  path: '/reports',
  body: 'json',
  request: reportRequest,
  result: reportResult,
  problems: ['file_not_found', 'source_unreadable'],
  async prepare({ title, source, outputs }, submission) {
    const prepared = 'rows' in source ? await inlineSource(source.rows, submission) : await fileSource(source.fileId, submission);
    return { title, source: prepared, outputs };
  },
  summary: ({ outputs }) => `Report as ${outputs.map((output) => output.format).join(' and ')}`,
  present: ({ rows, files }, link) => ({ rows, files: files.map((file) => ({ ...link(file), format: file.format })) }),
};
