import { patched } from '@temporalio/workflow';

import type { RenderedReport } from '../activities/report.ts';
import type { ReportInput, ReportResult } from '../src/jobs/report.ts';
import type { ReportOutput } from '../src/jobs/report-outputs.ts';
import { job } from './job.ts';
import { deliverReport } from './report-delivery.ts';

/**
 * Rows first, where a query makes them, but for a single output that the engine writes itself; then all outputs, each for itself:
 * one's trouble neither blocks nor repeats another's.
 */
export const generateReport = job<ReportInput, ReportResult>(async ({ tenant, input }, context) => {
  const { step, stepForEach, achieves } = context;
  const { title, source, columns, charts, page, outputs, atOnce, cacheSeconds, delivery, definition } = input;
  const settled: PromiseSettledResult<RenderedReport>[] = [];
  let cached: ReportResult['cached'];
  const done = (): ReportResult => {
    const rendered = settled.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    const made = { rows: rendered.at(-1)?.rows ?? 0, files: rendered.map(({ file }) => file) };
    return { ...made, ...(cached && { cached }), ...(definition && { definition }) };
  };
  achieves(done);
  const asked = cacheSeconds === undefined ? {} : { cacheSeconds };
  const rows = 'tables' in source && atOnce !== true ? await step('extractRows', 'query')({ tenant, source, ...asked }) : source;
  if ('extract' in rows) cached = rows.cached;
  const looks = { ...(columns && { columns }), ...(charts && { charts }), ...(page && { page }) };
  const rendering = (output: ReportOutput) => ({ tenant, title, source: rows, output, ...looks });
  if (patched('outputs-apart')) {
    await stepForEach('renderReport', outputs, (output) => ({ summary: output.format, argument: rendering(output) }), settled);
    const failed = settled.find((one) => one.status === 'rejected');
    if (failed) throw failed.reason as Error;
  } else {
    for (const output of outputs)
      settled.push({ status: 'fulfilled', value: await step('renderReport', output.format)(rendering(output)) });
  }
  return delivery === undefined ? done() : deliverReport({ tenant, title, delivery, done: done() }, context);
});
