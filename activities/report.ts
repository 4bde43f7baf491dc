import type { Readable } from 'node:stream';

import type { FileStore, StagedFile, StoredFile } from '../src/jobs/files.ts';
import { AppError } from '../src/errors.ts';
import { extractionKey } from '../src/jobs/report-cache.ts';
import type { Cell, Extraction, PlainSource, ReportFile } from '../src/jobs/report.ts';
import type { ReportColumn, TableColumn } from '../src/jobs/report-columns.ts';
import { type DirectOutput, isDirect, type ReportFormat, type ReportOutput } from '../src/jobs/report-outputs.ts';
import type { BoundParameter } from '../src/jobs/report-query.ts';
import type { CsvDialect, SourceFormat, TableSource } from '../src/jobs/report-sources.ts';
import { currentJobId } from './current-job.ts';
import { classified } from './failures.ts';
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
  { columns: string[]; rows: AsyncIterable<Cell[]> } | { bytes: () => Readable; format: SourceFormat; csv: CsvDialect | undefined }
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
) => Promise<{ columns: TableColumn[]; rows: AsyncIterable<Cell[]>; close: () => Promise<void> }>;

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
  files: Pick<FileStore, 'read' | 'stage' | 'stageWritten' | 'find'>;
  kept: KeptExtracts;
  /** The same id for the same job and role. */
  fileIdFor: (jobId: string, role: string) => string;
}

export interface RowsToExtract {
  tenant: string;
  source: Extraction;
  /** How old rows may be that were queried for another report. */
  cacheSeconds?: number;
}

/** The result of a query, kept for all outputs. */
export interface ExtractedRows {
  total: number;
  /** Parquet. */
  extract: StoredFile;
  /** Only with `cacheSeconds`. */
  cached?: { cached: boolean; madeAt: string };
}

export interface Rendering {
  tenant: string;
  title: string;
  source: PlainSource | ExtractedRows | Extraction;
  /** Not of a plain source. */
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
  if ('tables' in source) throw new TypeError('This output is made of an extract');
  const numbers = format !== 'csv';
  if ('extract' in source)
    return { ...(await engine.readExtract(files.read(source.extract), { numbers, columns, signal })), total: source.total };
  const bytes = files.read(source.file);
  const close = () => void bytes.destroy();
  if ('columns' in source) return { columns: named(source.columns), rows: engine.readNdjson(bytes), total: source.total, close };
  const read = await engine.readCsv(bytes, { numbers });
  return { columns: named(read.columns), rows: read.rows, total: null, close };
}

/** An extract, read again by the engine. */
const tableOf = ({ extract }: ExtractedRows): Extraction => ({ tables: [{ name: 'rows', file: extract, format: 'parquet' }] });

export function reportActivities(dependencies: ReportDependencies) {
  const { engine, files, kept, fileIdFor } = dependencies;

  function tableBytes(table: TableSource): TableBytes {
    const { name } = table;
    if ('rows' in table) return { name, columns: table.columns, rows: each(table.rows) };
    const bytes = () => files.read(table.file);
    if ('columns' in table) return { name, columns: table.columns, rows: engine.readNdjson(bytes()) };
    return { name, bytes, format: table.format, csv: table.csv };
  }

  /** Made durable under its id, and nothing left behind when that fails. */
  async function keep(
    staged: StagedFile,
    { role, name, format, tenant }: { role: string; name: string; format: ReportFormat; tenant: string },
  ) {
    try {
      const jobId = currentJobId();
      return await staged.commit({ id: fileIdFor(jobId, role), name, contentType: contentTypes[format], tenant, jobId });
    } finally {
      await staged.discard();
    }
  }

  async function write(
    { tables, query }: Extraction,
    output: DirectOutput,
    { signal, columns, report }: { signal: AbortSignal; columns?: ReportColumn[] | undefined; report: (percent: number) => void },
  ): Promise<{ rows: number; staged: StagedFile }> {
    let rows = 0;
    const staged = await files.stageWritten(
      async (path) => {
        rows = await engine.write({ tables: tables.map(tableBytes), query, output, columns, path, signal, report });
      },
      { signal },
    );
    return { rows, staged };
  }

  const keepExtract = (staged: StagedFile, tenant: string) =>
    keep(staged, { tenant, role: `extract ${staged.sha256}`, name: 'rows.parquet', format: 'parquet' });

  /** The rows of an earlier report as a file of this job: so they stay, whatever becomes of that one. */
  async function reused({ tenant, source, cacheSeconds = 0 }: RowsToExtract, signal: AbortSignal): Promise<ExtractedRows | undefined> {
    const earlier = await kept.find(tenant, extractionKey(source));
    if (earlier === undefined || Date.now() - earlier.madeAt.getTime() > cacheSeconds * 1000) return undefined;
    const file = await files.find(tenant, earlier.fileId);
    if (file === undefined) return undefined;
    try {
      const extract = await keepExtract(await files.stage(files.read(file), { signal }), tenant);
      return { total: earlier.rows, extract, cached: { cached: true, madeAt: earlier.madeAt.toISOString() } };
    } catch (error) {
      if (error instanceof AppError && error.code === 'file_not_found') return undefined;
      throw error;
    }
  }

  async function extract(task: RowsToExtract, { report, signal }: Beat): Promise<ExtractedRows> {
    const { tenant, source, cacheSeconds } = task;
    const earlier = cacheSeconds === undefined ? undefined : await reused(task, signal);
    if (earlier !== undefined) return earlier;
    const progress = (done: number) => {
      report({ done, total: 100, unit: 'percent', stage: 'extracting' });
    };
    const madeAt = new Date();
    const { rows: total, staged } = await write(source, { format: 'parquet' }, { signal, report: progress });
    const extract = await keepExtract(staged, tenant);
    if (cacheSeconds === undefined) return { total, extract };
    await kept.keep(tenant, extractionKey(source), { fileId: extract.id, rows: total, madeAt });
    return { total, extract, cached: { cached: false, madeAt: madeAt.toISOString() } };
  }

  async function render(rendering: Rendering, { report, signal }: Beat): Promise<RenderedReport> {
    const { tenant, title, source, columns, output } = rendering;
    const { format } = output;
    const stage = `writing ${format}`;
    const keepOutput = async (staged: StagedFile): Promise<ReportFile> => ({
      ...(await keep(staged, { tenant, role: `output ${format}`, name: `${fileName(title)}.${format}`, format })),
      format,
    });
    if ('extract' in source && format === 'parquet' && columns === undefined)
      return { rows: source.total, file: await keepOutput(await files.stage(files.read(source.extract), { signal })) };
    if (isDirect(output) && ('extract' in source || 'tables' in source)) {
      const total = 'extract' in source ? source.total : null;
      const { rows, staged } = await write('extract' in source ? tableOf(source) : source, output, {
        ...{ signal, columns },
        report: (percent) => {
          report(
            total === null
              ? { done: percent, total: 100, unit: 'percent', stage }
              : { done: Math.floor((total * percent) / 100), total, unit: 'rows', stage },
          );
        },
      });
      return { rows, file: await keepOutput(staged) };
    }
    let rows = 0;
    const table = await open(rendering, dependencies, signal);
    const count = (done: number) => {
      rows = done;
      report({ done, total: table.total, unit: 'rows', stage });
    };
    try {
      const bytes = engine.render(output as TableOutput, { title, ...table, rows: counted(table.rows, count, signal) });
      return { file: await keepOutput(await files.stage(bytes, { signal })), rows };
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
