import { type AnyJobType, jobTypeOf } from '../jobs/registry.ts';
import { upload } from '../jobs/upload.ts';

/** The job type of what is uploaded, in whatever way. */
export const uploadType = jobTypeOf(upload.type) as AnyJobType;
