import type { JobArgs } from '../src/jobs/definition.ts';
import type { ReportFile, ReportInput, ReportResult } from '../src/jobs/report.ts';
import { activity } from './policies.ts';

/** One step an output, one after the other: a finished file is not written again when a later one fails. */
export async function generateReport({ tenant, input }: JobArgs<ReportInput>): Promise<ReportResult> {
  const { title, source, outputs } = input;
  const files: ReportFile[] = [];
  let rows = 0;
  for (const { format } of outputs) {
    const rendered = await activity('renderReport', format)({ tenant, title, source, format });
    files.push(rendered.file);
    rows = rendered.rows;
  }
  return { rows, files };
}
