import type { Readable } from 'node:stream';

import type { FileStore } from '../src/jobs/files.ts';
import type { Cell, ReportFile, ReportFormat, ReportSource } from '../src/jobs/report.ts';
import { currentJobId } from './current-job.ts';
import { classified } from './failures.ts';
import { type Beat, heartbeating } from './heartbeat.ts';

export interface Table {
  title: string;
  columns: string[];
  /** A row may be shorter than `columns`. */
  rows: AsyncIterable<Cell[]>;
}

/** The finished document, as a stream with back-pressure: the same table gives the same bytes. */
export type RenderTable = (format: ReportFormat, table: Table) => AsyncIterable<Uint8Array>;

export interface ReportEngine {
  render: RenderTable;
  /** Numerals as numbers where the output has a type for them. @throws AppError `source_unreadable`, also while iterating. */
  readCsv(bytes: Readable, options: { numbers: boolean }): Promise<{ columns: string[]; rows: AsyncIterable<Cell[]> }>;
  readNdjson(bytes: Readable): AsyncIterable<Cell[]>;
}

export interface ReportDependencies {
  engine: ReportEngine;
  files: Pick<FileStore, 'read' | 'stage'>;
  /** The same id for the same job and role. */
  fileIdFor: (jobId: string, role: string) => string;
}

export interface Rendering {
  tenant: string;
  title: string;
  source: ReportSource;
  format: ReportFormat;
}

export interface RenderedReport {
  /** Without the header. */
  rows: number;
  file: ReportFile;
}

const contentTypes: Record<ReportFormat, string> = {
  csv: 'text/csv; charset=utf-8',
  xlsx: 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet',
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

interface OpenSource {
  columns: string[];
  rows: AsyncIterable<Cell[]>;
  total: number | null;
  /** For when the rows were not read to their end. Harmless else. */
  close(): void;
}

async function open(source: ReportSource, { engine, files }: ReportDependencies, numbers: boolean): Promise<OpenSource> {
  if ('rows' in source) return { columns: source.columns, rows: each(source.rows), total: source.rows.length, close: () => undefined };
  const bytes = files.read(source.file);
  const close = () => void bytes.destroy();
  if ('columns' in source) return { columns: source.columns, rows: engine.readNdjson(bytes), total: source.total, close };
  return { ...(await engine.readCsv(bytes, { numbers })), total: null, close };
}

export function reportActivities(dependencies: ReportDependencies) {
  const { engine, files, fileIdFor } = dependencies;

  async function render({ tenant, title, source, format }: Rendering, { report, signal }: Beat): Promise<RenderedReport> {
    let rows = 0;
    const table = await open(source, dependencies, format !== 'csv');
    const count = (done: number) => {
      rows = done;
      report({ done, total: table.total, unit: 'rows', stage: `writing ${format}` });
    };
    try {
      const bytes = engine.render(format, { title, columns: table.columns, rows: counted(table.rows, count, signal) });
      const staged = await files.stage(bytes, { signal });
      try {
        const jobId = currentJobId();
        const facts = { id: fileIdFor(jobId, `output ${format}`), name: `${fileName(title)}.${format}`, contentType: contentTypes[format] };
        return { rows, file: { ...(await staged.commit({ ...facts, tenant, jobId })), format } };
      } finally {
        await staged.discard();
      }
    } finally {
      table.close();
    }
  }

  return {
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
