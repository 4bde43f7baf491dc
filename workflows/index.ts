// The registry of Workflow Types: the name of each export is a Workflow Type. Only workflow functions may be exported here.
export { generateReport } from './generate-report.ts';
export { processUpload } from './process-upload.ts';
export { reprocessUpload } from './reprocess-upload.ts';
export { sendEmail } from './send-email.ts';
export { sendEmailBatch } from './send-email-batch.ts';
