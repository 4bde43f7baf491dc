import { ApplicationFailure, patched } from '@temporalio/workflow';

import type { CheckResult, Rejection } from '../src/jobs/file-checks.ts';
import type { Rendition, UploadInput, UploadResult, Variant } from '../src/jobs/upload.ts';
import { job, type JobContext } from './job.ts';

/** By its type: there may be more in it than its bytes. */
const isDocument = (contentType: string): boolean =>
  /^(?:video\/.*|application\/pdf|text\/csv|application\/vnd\.apache\.parquet)$/.test(contentType);

/** What is wrong with the file stays wrong: no retry can help, and nobody has to decide anything. */
function rejected({ reason, detail }: Rejection, checks: CheckResult[]): ApplicationFailure {
  return ApplicationFailure.create({
    type: 'file_rejected',
    message: `The file was rejected: ${detail}.`,
    nonRetryable: true,
    details: [{ reason, checks }],
  });
}

/** Checks the stored file where that is still to be done, looks into it and, when it is a picture or can be shown as one, makes the variants that were asked for. */
export async function uploadSteps(
  { tenant, input }: { tenant: string; input: UploadInput },
  { step, achieves }: JobContext<UploadResult>,
): Promise<UploadResult> {
  const { file, variants, preset, camera, retentionDays } = input;
  const order = { tenant, file, variants, ...(retentionDays !== undefined && { retentionDays }) };
  let result: UploadResult = { file, image: null, variants: [], ...(preset && { preset }) };
  achieves(() => result);
  // A run of before has none.
  if (input.checks !== undefined) {
    const { checks, rejection } = await step('scanFile')({ tenant, file, checks: input.checks });
    if (rejection !== null) throw rejected(rejection, checks);
    result = { ...result, checks };
  }
  const image = await step('inspectImage')({ file, ...(camera && { camera }) });
  if (image === null && isDocument(file.contentType) && patched('documents')) {
    const document = await step('readDocument')({ tenant, file });
    result = { ...result, document };
    if (document.poster === undefined || variants.length === 0) return result;
    const { variants: made, omitted } = await step('renderVariants')({ ...order, file: { ...document.poster, name: file.name } });
    return { ...result, variants: made, omitted };
  }
  // Workers before 0.2 told no pages, and had nothing more to do then.
  if (image === null || (variants.length === 0 && image.pages === undefined)) return { ...result, image };
  result = { ...result, image };
  const made: Rendition | Variant[] = await step('renderVariants')(order);
  // As they told it then.
  if (Array.isArray(made)) return { ...result, variants: made };
  return { ...result, image: { ...image, ...made.colours }, variants: made.variants, omitted: made.omitted };
}

export const processUpload = job<UploadInput, UploadResult>(uploadSteps);
