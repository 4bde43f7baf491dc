import type { ReportFile, ReportInput, ReportResult } from '../src/jobs/report.ts';
import { job } from './job.ts';

/** Rows first, where a query makes them; then one step an output, one after the other: what is finished is not done again when a later one fails. */
export const generateReport = job<ReportInput, ReportResult>(async ({ tenant, input }, { step, achieves }) => {
  const { title, source, columns, charts, page, outputs } = input;
  const done: ReportResult = { rows: 0, files: [] as ReportFile[] };
  achieves(() => done);
  const rows = 'tables' in source ? await step('extractRows', 'query')({ tenant, source }) : source;
  for (const output of outputs) {
    const looks = { ...(columns && { columns }), ...(charts && { charts }), ...(page && { page }) };
    const rendered = await step('renderReport', output.format)({ tenant, title, source: rows, output, ...looks });
    done.files.push(rendered.file);
    done.rows = rendered.rows;
  }
  return done;
});
