import { z } from 'zod';

import { type DataSourceSetting, dataSourceVariables } from './config-datasources.ts';

/** What one report may use of the worker that makes it. */
export interface ReportSettings {
  /** Of the engine, in MiB: for the working set of a query. Buffers of readers and writers come on top. */
  readonly memoryMb: number;
  readonly threads: number;
  /** Of temporary files, in MiB: what the sources unpack to, and what a query spills, each. */
  readonly diskMb: number;
  /** More rows in a result are an error. */
  readonly maxRows: number;
  /** How long a query may run. */
  readonly querySeconds: number;
  /** Of the operator, for all tenants or some. */
  readonly dataSources: readonly DataSourceSetting[];
}

const natural = (fallback: number) => z.coerce.number().int().min(1).default(fallback);

export const reportVariables = {
  HANDOFF_REPORT_MEMORY_MB: z.coerce.number().int().min(64).default(128),
  HANDOFF_REPORT_THREADS: z.coerce.number().int().min(1).max(64).default(2),
  HANDOFF_REPORT_DISK_MB: natural(4_096),
  HANDOFF_REPORT_MAX_ROWS: natural(50_000_000),
  HANDOFF_REPORT_QUERY_SECONDS: z.coerce.number().int().min(1).max(18_000).default(600),
  ...dataSourceVariables,
};

export function reportsOf(values: z.infer<z.ZodObject<typeof reportVariables>>): ReportSettings {
  return {
    memoryMb: values.HANDOFF_REPORT_MEMORY_MB,
    threads: values.HANDOFF_REPORT_THREADS,
    diskMb: values.HANDOFF_REPORT_DISK_MB,
    maxRows: values.HANDOFF_REPORT_MAX_ROWS,
    querySeconds: values.HANDOFF_REPORT_QUERY_SECONDS,
    dataSources: values.HANDOFF_DATA_SOURCES,
  };
}
