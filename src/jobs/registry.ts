import type * as registered from '../../workflows/index.ts';
import type { JobArgs, JobType } from './definition.ts';
import { email } from './email.ts';
import { report } from './report.ts';
import { upload } from './upload.ts';

/** What the registry must look like for a set of workflows: same names, and each type's input and result those of its workflow. */
export type JobTypesFor<Workflows> = {
  readonly [W in keyof Workflows]: Workflows[W] extends (args: JobArgs<infer Input>) => Promise<infer Result>
    ? // eslint-disable-next-line @typescript-eslint/no-explicit-any -- the request is between the schema and `prepare`
      JobType<any, Input, Result>
    : never;
};

/** Workflow Type → job type. A workflow without a job type, the reverse, and a drifted input or result do not compile. */
export const jobTypes = {
  sendEmail: email,
  generateReport: report,
  processUpload: upload,
} satisfies JobTypesFor<typeof registered>;

export type WorkflowType = keyof typeof jobTypes;

/** A job type whose request, input and result only it knows. */
export type AnyJobType = JobType<unknown, unknown, unknown> & { readonly workflow: WorkflowType };

export const allJobTypes: readonly AnyJobType[] = Object.entries(jobTypes).map(([workflow, type]) => ({ ...type, workflow }) as AnyJobType);

export function jobTypeOf(type: string | undefined): AnyJobType | undefined {
  return allJobTypes.find((candidate) => candidate.type === type);
}
