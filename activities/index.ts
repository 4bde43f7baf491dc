import { batchActivities, type BatchDependencies, windowActivities } from './batch.ts';
import { bulkActivities, type BulkDependencies } from './bulk.ts';
import { documentActivities, type DocumentDependencies } from './document.ts';
import { emailActivities, type EmailDependencies } from './email.ts';
import { limitActivities, type LimitDependencies } from './limits.ts';
import { maintenanceActivities, type MaintenanceDependencies } from './maintenance.ts';
import { reportDeliveryActivities, type ReportDeliveryDependencies } from './report-delivery.ts';
import { reportActivities } from './report.ts';
import { type ReportDependencies } from './report-ports.ts';
import { previewActivities, type PreviewDependencies } from './report-preview.ts';
import { scanActivities, type ScanDependencies } from './scan.ts';
import { uploadActivities, type UploadDependencies } from './upload.ts';

export { batchActivities, emailActivities };

export interface ActivityDependencies {
  email: EmailDependencies & ReportDeliveryDependencies;
  'bulk-email': BatchDependencies;
  report: ReportDependencies & PreviewDependencies;
  upload: ScanDependencies & UploadDependencies & DocumentDependencies;
  operations: BulkDependencies & MaintenanceDependencies;
  limits: LimitDependencies;
}

/** Activities by kind of load: each group is served from a Task Queue of its own, `handoff-<group>`. */
export function createActivities({ email, 'bulk-email': batch, report, upload, operations, limits }: ActivityDependencies) {
  return {
    email: { ...emailActivities(email), ...reportDeliveryActivities(email) },
    'bulk-email': batchActivities(batch),
    report: { ...reportActivities(report), ...previewActivities(report) },
    upload: { ...scanActivities(upload), ...uploadActivities(upload), ...documentActivities(upload) },
    operations: { ...bulkActivities(operations), ...maintenanceActivities(operations) },
    limits: { ...limitActivities(limits), ...windowActivities() },
  };
}

type Groups = ReturnType<typeof createActivities>;

export type ActivityGroup = keyof Groups;

/** The group that an activity is in. */
export type ActivityGroupOf<Name extends keyof Activities> = {
  [Group in ActivityGroup]: Name extends keyof Groups[Group] ? Group : never;
}[ActivityGroup];

/** Every registered activity, by name: what workflows may call. */
export type Activities = Groups['email'] &
  Groups['bulk-email'] &
  Groups['report'] &
  Groups['upload'] &
  Groups['operations'] &
  Groups['limits'];
