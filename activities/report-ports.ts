import type { Readable } from 'node:stream';

import type { RemoteContent } from '../src/jobs/data-sources.ts';
import type { FileStore } from '../src/jobs/files.ts';
import type { Cell, Extraction } from '../src/jobs/report.ts';
import type { ReportColumn } from '../src/jobs/report-columns.ts';
import type { DirectOutput, ReportOutput } from '../src/jobs/report-outputs.ts';
import type { BoundParameter } from '../src/jobs/report-query.ts';
import type { CsvDialect, RemoteTable, SourceFormat } from '../src/jobs/report-sources.ts';
import type { RenderTable, Table } from './report-table.ts';

/** A source of a query, to be read once. */
export type TableBytes = { name: string } & (
  | { columns: string[]; rows: AsyncIterable<Cell[]> }
  | { bytes: () => Readable; link?: (path: string) => Promise<boolean>; format: SourceFormat; csv: CsvDialect | undefined }
  | { remote: (signal: AbortSignal) => Promise<RemoteContent> }
);

/**
 * Makes the rows of a query, as Parquet, in bounded memory. Whoever calls closes.
 * @throws AppError `source_unreadable`, `source_too_large`, `query_invalid`, `query_timeout`, `query_too_large`; the reason of `signal`
 */
export type Extract = (task: {
  tables: readonly TableBytes[];
  /** Default: all of the only table. */
  query: { sql: string; parameters: BoundParameter[] } | undefined;
  signal: AbortSignal;
  /** How much of the query is done, of 100; it may stay at 0 while nobody knows. */
  report: (percent: number) => void;
}) => Promise<{ rows: number; bytes: Readable; close: () => Promise<void> }>;

/**
 * The rows of a query, written to the file of that path by the engine itself, with the bytes that `render` would give. What it
 * has written beyond the first mebibyte does not change.
 * @throws AppError as `Extract`
 */
export type WriteRows = (
  task: Parameters<Extract>[0] & { path: string; output: DirectOutput; columns: ReportColumn[] | undefined },
) => Promise<number>;

/**
 * The rows of an extract.
 * @param numbers as for `readCsv`
 * @param columns which, and how they are shown. Default: all.
 * @throws AppError `query_invalid` for a column that is not there
 */
export type ReadExtract = (
  bytes: Readable,
  options: { numbers: boolean; columns: ReportColumn[] | undefined; signal: AbortSignal },
) => Promise<Pick<Table, 'columns' | 'rows' | 'totals' | 'held'> & { close: () => Promise<void> }>;

export interface ReportEngine {
  render: RenderTable;
  /** Numerals as numbers where the output has a type for them. @throws AppError `source_unreadable`, also while iterating. */
  readCsv(bytes: Readable, options: { numbers: boolean }): Promise<{ columns: string[]; rows: AsyncIterable<Cell[]> }>;
  readNdjson(bytes: Readable): AsyncIterable<Cell[]>;
  write: WriteRows;
  extract: Extract;
  readExtract: ReadExtract;
}

/** Which extracts there are, of those that may be used again. */
export interface KeptExtracts {
  /** Alike for queries that give the same rows. */
  keyOf(source: Extraction): string;
  find(tenant: string, key: string): Promise<KeptExtract | undefined>;
  /** Instead of an earlier one. */
  keep(tenant: string, key: string, extract: KeptExtract): Promise<void>;
}

export interface KeptExtract {
  fileId: string;
  rows: number;
  madeAt: Date;
}

export interface ReportDependencies {
  engine: ReportEngine;
  files: Pick<FileStore, 'read' | 'link' | 'stage' | 'stageWritten' | 'find'>;
  kept: KeptExtracts;
  /** Whether the engine writes it itself. */
  isDirect: (output: ReportOutput) => output is DirectOutput;
  /** The same id for the same job and role. */
  fileIdFor: (jobId: string, role: string) => string;
  /** What a data source of the tenant gives. Default: there are none. @throws AppError */
  readRemote?: (tenant: string, table: RemoteTable, signal: AbortSignal) => Promise<RemoteContent>;
}
