import { AppError } from '../src/errors.ts';
import type { Cell, Extraction } from '../src/jobs/report.ts';
import type { PreviewOrder, ReportPreview } from '../src/jobs/report-preview.ts';
import { classified } from './failures.ts';
import { type Beat, heartbeating } from './heartbeat.ts';
import { boundedPreview, previewRows } from './preview-bounds.ts';
import { type ReportDependencies } from './report-ports.ts';
import { tableBytesOf } from './report-tables.ts';

export interface PreviewDependencies extends Pick<ReportDependencies, 'engine' | 'files' | 'readRemote'> {
  /** For all of it. */
  previewSeconds: number;
}

/** One row more than are shown tells that there are more. The text was found to be one query by itself. */
function firstRows({ tables: [first], query }: Extraction): NonNullable<Extraction['query']> {
  const text = query?.sql.replace(/[\s;]+$/, '') ?? `select * from "${first?.name ?? ''}"`;
  return { sql: `select * from (${text}\n) limit ${String(previewRows + 1)}`, parameters: query?.parameters ?? [] };
}

export function previewActivities(dependencies: PreviewDependencies) {
  const { engine, previewSeconds } = dependencies;

  async function preview({ tenant, source, columns }: PreviewOrder, { signal: stopped }: Beat): Promise<ReportPreview> {
    const since = performance.now();
    const timeout = AbortSignal.timeout(previewSeconds * 1000);
    const signal = AbortSignal.any([stopped, timeout]);
    const tables = source.tables.map((table) => tableBytesOf(table, tenant, dependencies));
    try {
      const extract = await engine.extract({ tables, query: firstRows(source), signal, report: () => undefined });
      try {
        const table = await engine.readExtract(extract.bytes, { numbers: true, columns, signal });
        try {
          const rows: Cell[][] = [];
          for await (const row of table.rows) rows.push(row);
          return { ...boundedPreview(table.columns, rows), elapsedMs: Math.round(performance.now() - since) };
        } finally {
          await table.close();
        }
      } finally {
        await extract.close();
      }
    } catch (error) {
      stopped.throwIfAborted();
      if (timeout.aborted) throw new AppError('query_timeout', `The preview took longer than ${String(previewSeconds)} seconds.`);
      throw error;
    }
  }

  return {
    /** The first rows of a report, kept nowhere. */
    previewRows(order: PreviewOrder): Promise<ReportPreview> {
      return classified(() => heartbeating((beat) => preview(order, beat)));
    },
  };
}
