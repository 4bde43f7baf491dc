import type { UploadInput, UploadResult } from '../src/jobs/upload.ts';
import { job } from './job.ts';
import { uploadSteps } from './process-upload.ts';

/** The steps of an upload, on a file that was there before. */
export const reprocessUpload = job<UploadInput, UploadResult>(uploadSteps);
