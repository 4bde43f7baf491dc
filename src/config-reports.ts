import { z } from 'zod';

import { type DataSourceSetting, dataSourceVariables } from './config-datasources.ts';

/** What one step of a report may use of the worker that does it, and how many of them there are. */
export interface ReportSettings {
  /** Steps of reports that a worker does at a time. */
  readonly concurrency: number;
  /** Of the engine, in MiB: for the working set of a query. Buffers of readers and writers come on top. */
  readonly memoryMb: number;
  readonly threads: number;
  /** Of temporary files, in MiB: what the sources unpack to, and what a query spills, each. */
  readonly diskMb: number;
  /** More rows in a result are an error. */
  readonly maxRows: number;
  /** How long a query may run. */
  readonly querySeconds: number;
  /** How long a preview may take, with the reading of its sources. */
  readonly previewSeconds: number;
  readonly pdf: PdfSettings;
  /** Of the operator, for all tenants or some. */
  readonly dataSources: readonly DataSourceSetting[];
}

/** What is drawn: PDF and charts. */
export interface PdfSettings {
  /** More are an error. */
  readonly maxRows: number;
  /** Of each thread, in MiB. */
  readonly memoryMb: number;
  /** How long a document may be drawn. */
  readonly seconds: number;
  /** Documents at a time; others wait. */
  readonly threads: number;
  /** Of fonts for characters that the ones we bring along lack. */
  readonly fontsDirectory: string | undefined;
}

const natural = (fallback: number) => z.coerce.number().int().min(1).default(fallback);

export const reportVariables = {
  HANDOFF_REPORT_CONCURRENCY: z.coerce.number().int().min(1).max(100).default(2),
  HANDOFF_REPORT_MEMORY_MB: z.coerce.number().int().min(64).default(100),
  HANDOFF_REPORT_THREADS: z.coerce.number().int().min(1).max(64).default(2),
  HANDOFF_REPORT_DISK_MB: natural(4_096),
  HANDOFF_REPORT_MAX_ROWS: natural(50_000_000),
  HANDOFF_REPORT_QUERY_SECONDS: z.coerce.number().int().min(1).max(18_000).default(600),
  HANDOFF_REPORT_PREVIEW_SECONDS: z.coerce.number().int().min(1).max(60).default(20),
  HANDOFF_REPORT_PDF_MAX_ROWS: natural(50_000),
  HANDOFF_REPORT_PDF_MEMORY_MB: z.coerce.number().int().min(128).default(1_024),
  HANDOFF_REPORT_PDF_SECONDS: z.coerce.number().int().min(1).max(18_000).default(900),
  HANDOFF_REPORT_PDF_THREADS: z.coerce.number().int().min(1).max(64).default(1),
  HANDOFF_REPORT_FONTS_DIR: z.string().optional(),
  ...dataSourceVariables,
};

export function reportsOf(values: z.infer<z.ZodObject<typeof reportVariables>>): ReportSettings {
  return {
    concurrency: values.HANDOFF_REPORT_CONCURRENCY,
    memoryMb: values.HANDOFF_REPORT_MEMORY_MB,
    threads: values.HANDOFF_REPORT_THREADS,
    diskMb: values.HANDOFF_REPORT_DISK_MB,
    maxRows: values.HANDOFF_REPORT_MAX_ROWS,
    querySeconds: values.HANDOFF_REPORT_QUERY_SECONDS,
    previewSeconds: values.HANDOFF_REPORT_PREVIEW_SECONDS,
    pdf: {
      maxRows: values.HANDOFF_REPORT_PDF_MAX_ROWS,
      memoryMb: values.HANDOFF_REPORT_PDF_MEMORY_MB,
      seconds: values.HANDOFF_REPORT_PDF_SECONDS,
      threads: values.HANDOFF_REPORT_PDF_THREADS,
      fontsDirectory: values.HANDOFF_REPORT_FONTS_DIR,
    },
    dataSources: values.HANDOFF_DATA_SOURCES,
  };
}
