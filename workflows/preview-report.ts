import type { PreviewOrder, ReportPreview } from '../src/jobs/report-preview.ts';
import { activity } from './policies.ts';

/** Somebody waits for its result, and removes it then: no job, and nothing that lasts. */
export function previewReport(order: PreviewOrder): Promise<ReportPreview> {
  return activity('previewRows', { summary: undefined, retry: undefined, scheduleToStartTimeout: undefined })(order);
}
