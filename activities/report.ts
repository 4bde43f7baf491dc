import type { Readable } from 'node:stream';

import { AppError } from '../src/errors.ts';
import type { StagedFile, StoredFile } from '../src/jobs/files.ts';
import type { Extraction, PlainSource, ReportFile } from '../src/jobs/report.ts';
import type { ReportChart } from '../src/jobs/report-charts.ts';
import type { ReportColumn } from '../src/jobs/report-columns.ts';
import type { DirectOutput, ReportFormat, ReportOutput } from '../src/jobs/report-outputs.ts';
import type { PageLayout } from '../src/jobs/report-page.ts';
import { counted, countedParts } from './counted-rows.ts';
import { currentJobId } from './current-job.ts';
import { classified } from './failures.ts';
import { type Beat, heartbeating } from './heartbeat.ts';
import type { ReportDependencies } from './report-ports.ts';
import type { TableOutput } from './report-table.ts';
import { openTable, tableBytesOf } from './report-tables.ts';

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

/** Of a small file. */
async function bytesOf(stream: Readable): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** An extract, read again by the engine. */
const tableOf = ({ extract }: ExtractedRows): Extraction => ({ tables: [{ name: 'rows', file: extract, format: 'parquet' }] });

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
  const { engine, files, kept, isDirect, fileIdFor } = dependencies;

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
    const earlier = await kept.find(tenant, kept.keyOf(source));
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
    await kept.keep(tenant, kept.keyOf(source), { fileId: extract.id, rows: total, madeAt });
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
    const table = await openTable(rendering, dependencies, signal);
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
