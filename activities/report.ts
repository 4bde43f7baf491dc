import type { Readable } from 'node:stream';

import { AppError } from '../src/errors.ts';
import type { FileStore, StagedFile, StoredFile } from '../src/jobs/files.ts';
import { extractionKey } from '../src/jobs/report-cache.ts';
import type { Cell, Extraction, PlainSource, ReportFile } from '../src/jobs/report.ts';
import type { ReportChart } from '../src/jobs/report-charts.ts';
import type { ReportColumn, TableColumn } from '../src/jobs/report-columns.ts';
import { type DirectOutput, isDirect, type ReportFormat, type ReportOutput } from '../src/jobs/report-outputs.ts';
import type { PageLayout } from '../src/jobs/report-page.ts';
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
  /** One for each column; null for those without. */
  totals?: (TotalValue | null)[];
  /** The same rows, for a writer that takes them instead of `rows`. */
  held?: HeldRows;
  charts?: ReportChart[];
  page?: Omit<PageLayout, 'logo'>;
  /** The bytes of a PNG or JPEG file. */
  logo?: Uint8Array;
  /** Ends the work within two seconds. */
  signal?: AbortSignal;
  /** Takes what a reader must know, once the document is complete. */
  note?: (text: string) => void;
}

/** What stands below a column. */
export interface TotalValue {
  /** Exact: a numeral where a double can't keep it. */
  value: Cell;
  /** Whether a spreadsheet comes to the same from the cells: not when some are text there. */
  recountable: boolean;
}

/** Rows that the engine still holds: it writes them as text many times faster than they can be read out. */
export interface HeldRows {
  /** In the order of the table's. */
  columns: HeldColumn[];
  first: (count: number) => Promise<Cell[][]>;
  /**
   * Runs once. Parts are to be read to their end, one after the other.
   * @param expression SQL for the text of a row
   * @param every parts end after multiples of so many rows, and may end before
   */
  write: (expression: string, every: number) => AsyncIterable<WrittenRows>;
}

export interface HeldColumn {
  /** Its name in an expression. */
  sql: string;
  /** As the engine writes it. */
  type: string;
  mayBeNull: boolean;
}

export interface WrittenRows {
  rows: number;
  /** Each chunk is good until the next one is asked for. */
  bytes: AsyncIterable<Uint8Array>;
}

/** The finished document, as a stream with back-pressure: the same table gives the same bytes. */
export type RenderTable = (output: TableOutput, table: Table) => AsyncIterable<Uint8Array>;

/** All but what the engine writes itself. */
export type TableOutput = Exclude<ReportOutput, { format: 'parquet' }>;

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
  /** The same id for the same job and role. */
  fileIdFor: (jobId: string, role: string) => string;
  /** What a data source of the tenant gives. Default: there are none. @throws AppError */
  readRemote?: (tenant: string, table: RemoteTable, signal: AbortSignal) => Promise<RemoteContent>;
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
  charts?: ReportChart[];
  page?: PageLayout;
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
  pdf: 'application/pdf',
  html: 'text/html; charset=utf-8',
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

/** The same count for rows that the engine writes. */
function countedParts({ write, ...held }: HeldRows, each: (done: number) => void, signal: AbortSignal): HeldRows {
  return {
    ...held,
    write: async function* (expression, every) {
      let done = 0;
      for await (const part of write(expression, every)) {
        signal.throwIfAborted();
        yield part;
        each((done += part.rows));
      }
      each(done);
    },
  };
}

// eslint-disable-next-line @typescript-eslint/require-await -- an async view of an array
async function* each(rows: Cell[][]): AsyncGenerator<Cell[]> {
  yield* rows;
}

/** Of a small file. */
async function bytesOf(stream: Readable): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

interface OpenSource extends Pick<Table, 'columns' | 'total' | 'rows' | 'totals' | 'held'> {
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

const noRemote = () => Promise.reject(new AppError('data_source_not_found', 'There are no data sources here.'));

/** A source of a query of the tenant, ready to be read. */
export function tableBytesOf(
  table: TableSource,
  tenant: string,
  { engine, files, readRemote = noRemote }: Pick<ReportDependencies, 'engine' | 'files' | 'readRemote'>,
): TableBytes {
  const { name } = table;
  if ('dataSource' in table) return { name, remote: (signal) => readRemote(tenant, table, signal) };
  if ('rows' in table) return { name, columns: table.columns, rows: each(table.rows) };
  const { file } = table;
  const bytes = () => files.read(file);
  if ('columns' in table) return { name, columns: table.columns, rows: engine.readNdjson(bytes()) };
  const link = async (path: string) => (await files.link?.(file, path)) ?? false;
  return { name, bytes, link, format: table.format, csv: table.csv };
}

interface FileRole {
  tenant: string;
  /** Within the job. */
  role: string;
  name: string;
  format: ReportFormat;
  /** Default: as the job says once it is done. */
  life?: { intermediate?: boolean; retentionDays?: number };
}

export function reportActivities(dependencies: ReportDependencies) {
  const { engine, files, kept, fileIdFor } = dependencies;

  /** Made durable under its id, and nothing left behind when that fails. */
  async function keep(staged: StagedFile, { role, name, format, tenant, life = {} }: FileRole) {
    try {
      const jobId = currentJobId();
      return await staged.commit({ id: fileIdFor(jobId, role), name, contentType: contentTypes[format], tenant, jobId, ...life });
    } finally {
      await staged.discard();
    }
  }

  async function write(
    { tables, query }: Extraction,
    output: DirectOutput,
    {
      tenant,
      signal,
      columns,
      report,
    }: { tenant: string; signal: AbortSignal; columns?: ReportColumn[] | undefined; report: (percent: number) => void },
  ): Promise<{ rows: number; staged: StagedFile }> {
    let rows = 0;
    const staged = await files.stageWritten(
      async (path) => {
        rows = await engine.write({
          tables: tables.map((table) => tableBytesOf(table, tenant, dependencies)),
          query,
          output,
          columns,
          path,
          signal,
          report,
        });
      },
      { signal },
    );
    return { rows, staged };
  }

  /** Until the job is done, or as long as it may be used again. */
  const keepExtract = (staged: StagedFile, tenant: string, cacheSeconds: number | undefined) =>
    keep(staged, {
      ...{ tenant, role: `extract ${staged.sha256}`, name: 'rows.parquet', format: 'parquet' },
      life: cacheSeconds === undefined ? { intermediate: true } : { retentionDays: Math.ceil(cacheSeconds / 86_400) },
    });

  /** The rows of an earlier report as a file of this job: so they stay, whatever becomes of that one. */
  async function reused({ tenant, source, cacheSeconds = 0 }: RowsToExtract, signal: AbortSignal): Promise<ExtractedRows | undefined> {
    const earlier = await kept.find(tenant, extractionKey(source));
    if (earlier === undefined || Date.now() - earlier.madeAt.getTime() > cacheSeconds * 1000) return undefined;
    const file = await files.find(tenant, earlier.fileId);
    if (file === undefined) return undefined;
    try {
      const extract = await keepExtract(await files.stage(files.read(file), { signal }), tenant, cacheSeconds);
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
    const { rows: total, staged } = await write(source, { format: 'parquet' }, { tenant, signal, report: progress });
    const extract = await keepExtract(staged, tenant, cacheSeconds);
    if (cacheSeconds === undefined) return { total, extract };
    await kept.keep(tenant, extractionKey(source), { fileId: extract.id, rows: total, madeAt });
    return { total, extract, cached: { cached: false, madeAt: madeAt.toISOString() } };
  }

  async function render(rendering: Rendering, { report, signal }: Beat): Promise<RenderedReport> {
    const { tenant, title, source, columns, output, charts, page: { logo, ...page } = {} } = rendering;
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
        ...{ tenant, signal, columns },
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
      const notes: string[] = [];
      const { held } = table;
      const rendered = {
        title,
        ...table,
        page,
        ...(charts && { charts }),
        ...(logo && format === 'pdf' && { logo: await bytesOf(files.read(logo)) }),
        note: (text: string) => void notes.push(text),
        signal,
        rows: counted(table.rows, count, signal),
        ...(held && { held: countedParts(held, count, signal) }),
      };
      const bytes = engine.render(output as TableOutput, rendered);
      const file = await keepOutput(await files.stage(bytes, { signal }));
      return { rows, file: { ...file, ...(notes.length > 0 && { notes }) } };
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
