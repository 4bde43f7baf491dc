import type { ReportFile, ReportInput, ReportResult } from '../src/jobs/report.ts';
import { job } from './job.ts';

/** One step an output, one after the other: a finished file is not written again when a later one fails. */
export const generateReport = job<ReportInput, ReportResult>(async ({ tenant, input }, { step, achieves }) => {
  const { title, source, outputs } = input;
  const done: ReportResult = { rows: 0, files: [] as ReportFile[] };
  achieves(() => done);
  for (const { format } of outputs) {
    const rendered = await step('renderReport', format)({ tenant, title, source, format });
    done.files.push(rendered.file);
    done.rows = rendered.rows;
  }
  return done;
});
