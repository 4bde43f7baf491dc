import type { Readable } from 'node:stream';

import { AppError } from '../src/errors.ts';
import type { FileStore, StoredFile } from '../src/jobs/files.ts';
import type { Cell, Extraction, PlainSource, ReportFile } from '../src/jobs/report.ts';
import type { ReportColumn, TableColumn } from '../src/jobs/report-columns.ts';
import type { ReportFormat, ReportOutput } from '../src/jobs/report-outputs.ts';
import type { BoundParameter } from '../src/jobs/report-query.ts';
import type { CsvDialect, RemoteTable, SourceFormat, TableSource } from '../src/jobs/report-sources.ts';
import { currentJobId } from './current-job.ts';
import { classified } from './failures.ts';
import type { RemoteContent } from '../src/jobs/data-sources.ts';
import { type Beat, heartbeating } from './heartbeat.ts';

export interface Table {
  title: string;
  columns: TableColumn[];
  /** How many rows there are; null: nobody has counted them. */
  total: number | null;
  /** A row may be shorter than `columns`. */
  rows: AsyncIterable<Cell[]>;
}

/** The finished document, as a stream with back-pressure: the same table gives the same bytes. */
export type RenderTable = (output: TableOutput, table: Table) => AsyncIterable<Uint8Array>;

/** All but what the engine writes itself. */
export type TableOutput = Exclude<ReportOutput, { format: 'parquet' }>;

/** A source of a query, to be read once. */
export type TableBytes = { name: string } & (
  | { columns: string[]; rows: AsyncIterable<Cell[]> }
  | { bytes: () => Readable; format: SourceFormat; csv: CsvDialect | undefined }
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
 * The rows of an extract.
 * @param numbers as for `readCsv`
 * @param columns which, and how they are shown. Default: all.
 * @throws AppError `query_invalid` for a column that is not there
 */
export type ReadExtract = (
  bytes: Readable,
  options: { numbers: boolean; columns: ReportColumn[] | undefined; signal: AbortSignal },
) => Promise<{ columns: TableColumn[]; rows: AsyncIterable<Cell[]>; close: () => Promise<void> }>;

export interface ReportEngine {
  render: RenderTable;
  /** Numerals as numbers where the output has a type for them. @throws AppError `source_unreadable`, also while iterating. */
  readCsv(bytes: Readable, options: { numbers: boolean }): Promise<{ columns: string[]; rows: AsyncIterable<Cell[]> }>;
  readNdjson(bytes: Readable): AsyncIterable<Cell[]>;
  extract: Extract;
  readExtract: ReadExtract;
}

export interface ReportDependencies {
  engine: ReportEngine;
  files: Pick<FileStore, 'read' | 'stage'>;
  /** The same id for the same job and role. */
  fileIdFor: (jobId: string, role: string) => string;
  /** What a data source of the tenant gives. Default: there are none. @throws AppError */
  readRemote?: (tenant: string, table: RemoteTable, signal: AbortSignal) => Promise<RemoteContent>;
}

export interface RowsToExtract {
  tenant: string;
  source: Extraction;
}

/** The result of a query, kept for all outputs. */
export interface ExtractedRows {
  total: number;
  /** Parquet. */
  extract: StoredFile;
}

export interface Rendering {
  tenant: string;
  title: string;
  source: PlainSource | ExtractedRows;
  /** Only of an extract. */
  columns?: ReportColumn[];
  output: ReportOutput;
}

export interface RenderedReport {
  /** Without the header. */
  rows: number;
  file: ReportFile;
}

const contentTypes: Record<ReportFormat, string> = {
  csv: 'text/csv; charset=utf-8',
  xlsx: 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet',
  json: 'application/json',
  ndjson: 'application/x-ndjson',
  parquet: 'application/vnd.apache.parquet',
};

/** Rows between two progress reports. */
const stride = 1_000;

async function* counted(rows: AsyncIterable<Cell[]>, each: (done: number) => void, signal: AbortSignal): AsyncGenerator<Cell[]> {
  let done = 0;
  for await (const row of rows) {
    yield row;
    done += 1;
    if (done % stride === 0) {
      signal.throwIfAborted();
      each(done);
    }
  }
  each(done);
}

// eslint-disable-next-line @typescript-eslint/require-await -- an async view of an array
async function* each(rows: Cell[][]): AsyncGenerator<Cell[]> {
  yield* rows;
}

interface OpenSource extends Omit<Table, 'title'> {
  /** For when the rows were not read to their end, too. */
  close(): Promise<void> | void;
}

/** Columns of which nothing is known but their names. */
const named = (names: string[]) => names.map((name): TableColumn => ({ name, title: name, kind: 'mixed' }));

async function open(
  { source, columns, output: { format } }: Rendering,
  { engine, files }: ReportDependencies,
  signal: AbortSignal,
): Promise<OpenSource> {
  if ('rows' in source)
    return { columns: named(source.columns), rows: each(source.rows), total: source.rows.length, close: () => undefined };
  const numbers = format !== 'csv';
  if ('extract' in source)
    return { ...(await engine.readExtract(files.read(source.extract), { numbers, columns, signal })), total: source.total };
  const bytes = files.read(source.file);
  const close = () => void bytes.destroy();
  if ('columns' in source) return { columns: named(source.columns), rows: engine.readNdjson(bytes), total: source.total, close };
  const read = await engine.readCsv(bytes, { numbers });
  return { columns: named(read.columns), rows: read.rows, total: null, close };
}

const noRemote = () => Promise.reject(new AppError('data_source_not_found', 'There are no data sources here.'));

export function reportActivities(dependencies: ReportDependencies) {
  const { engine, files, fileIdFor, readRemote = noRemote } = dependencies;

  function tableBytes(table: TableSource, tenant: string): TableBytes {
    const { name } = table;
    if ('dataSource' in table) return { name, remote: (signal) => readRemote(tenant, table, signal) };
    if ('rows' in table) return { name, columns: table.columns, rows: each(table.rows) };
    const bytes = () => files.read(table.file);
    if ('columns' in table) return { name, columns: table.columns, rows: engine.readNdjson(bytes()) };
    return { name, bytes, format: table.format, csv: table.csv };
  }

  async function extract({ tenant, source }: RowsToExtract, { report, signal }: Beat): Promise<ExtractedRows> {
    const { tables, query } = source;
    const progress = (done: number) => {
      report({ done, total: 100, unit: 'percent', stage: 'extracting' });
    };
    const {
      rows: total,
      bytes,
      close,
    } = await engine.extract({ tables: tables.map((table) => tableBytes(table, tenant)), query, signal, report: progress });
    try {
      const staged = await files.stage(bytes, { signal });
      try {
        const jobId = currentJobId();
        const facts = { id: fileIdFor(jobId, `extract ${staged.sha256}`), name: 'rows.parquet', contentType: contentTypes.parquet };
        return { total, extract: await staged.commit({ ...facts, tenant, jobId }) };
      } finally {
        await staged.discard();
      }
    } finally {
      await close();
    }
  }

  async function render(rendering: Rendering, { report, signal }: Beat): Promise<RenderedReport> {
    const { tenant, title, source, output } = rendering;
    const { format } = output;
    const keep = async (bytes: AsyncIterable<Uint8Array>): Promise<ReportFile> => {
      const staged = await files.stage(bytes, { signal });
      try {
        const jobId = currentJobId();
        const facts = { id: fileIdFor(jobId, `output ${format}`), name: `${fileName(title)}.${format}`, contentType: contentTypes[format] };
        return { ...(await staged.commit({ ...facts, tenant, jobId })), format };
      } finally {
        await staged.discard();
      }
    };
    if (output.format === 'parquet') {
      if (!('extract' in source)) throw new TypeError('Parquet is made of an extract');
      return { rows: source.total, file: await keep(files.read(source.extract)) };
    }
    let rows = 0;
    const table = await open(rendering, dependencies, signal);
    const count = (done: number) => {
      rows = done;
      report({ done, total: table.total, unit: 'rows', stage: `writing ${format}` });
    };
    try {
      const file = await keep(engine.render(output, { title, ...table, rows: counted(table.rows, count, signal) }));
      return { rows, file };
    } finally {
      await table.close();
    }
  }

  return {
    /** Runs the query, and keeps its rows in the file store: outputs are made of them, and attempts after that step never run it again. */
    extractRows(task: RowsToExtract): Promise<ExtractedRows> {
      return classified(() => heartbeating((beat) => extract(task, beat)));
    },
    /** Writes one output as a stream into the file store. A repeated attempt writes the same bytes to the same file. */
    renderReport(rendering: Rendering): Promise<RenderedReport> {
      return classified(() => heartbeating((beat) => render(rendering, beat)));
    },
  };
}

/** Characters that no common file system minds. */
function fileName(title: string): string {
  const plain = title.replace(/[\\/:*?"<>|]+/g, ' ').replace(/\s+/g, ' ');
  return plain.replace(/^[. ]+|[. ]+$/g, '') || 'report';
}
