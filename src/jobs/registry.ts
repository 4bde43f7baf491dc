import type { z } from 'zod';

import type * as registered from '../../workflows/index.ts';
import type { JobWorkflow } from '../../workflows/job.ts';
import { batch } from './batch.ts';
import type { JobType } from './definition.ts';
import { email } from './email.ts';
import { type JobOptions, jobOptions } from './options.ts';
import { reportJob } from './report-call.ts';
import { reprocess } from './reprocess.ts';
import { upload } from './upload.ts';

/** What the registry must look like for a set of workflows, each made by `job()`: same names, and each type's input and result those of its workflow. */
export type JobTypesFor<Workflows> = {
  readonly [W in keyof Workflows]: Workflows[W] extends JobWorkflow<infer Input, infer Result>
    ? // eslint-disable-next-line @typescript-eslint/no-explicit-any -- the request is between the schema and `prepare`
      JobType<any, Input, Result>
    : never;
};

/** Workflow Type → job type. A workflow without a job type, the reverse, and a drifted input or result do not compile. */
export const jobTypes = {
  sendEmail: email,
  sendEmailBatch: batch,
  generateReport: reportJob,
  processUpload: upload,
  reprocessUpload: reprocess,
} satisfies JobTypesFor<typeof registered>;

export type WorkflowType = keyof typeof jobTypes;

/** A job type whose request, input and result only it knows. */
export type AnyJobType = JobType<unknown, unknown, unknown> & {
  readonly workflow: WorkflowType;
  /** The request with the options that every job has. */
  readonly submission: z.ZodType<Record<string, unknown> & { options?: JobOptions | undefined }>;
};

export const allJobTypes: readonly AnyJobType[] = Object.entries(jobTypes).map(
  ([workflow, type]) => ({ ...type, workflow, submission: type.request.safeExtend({ options: jobOptions.optional() }) }) as AnyJobType,
);

export function jobTypeOf(type: string | undefined): AnyJobType | undefined {
  return allJobTypes.find((candidate) => candidate.type === type);
}
