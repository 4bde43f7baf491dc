import type { UploadInput, UploadResult } from '../src/jobs/upload.ts';
import { job } from './job.ts';

/** Looks into the stored file and, when it is a picture, makes the variants that were asked for. */
export const processUpload = job<UploadInput, UploadResult>(async ({ tenant, input }, { step, achieves }) => {
  const { file, variants, retentionDays } = input;
  achieves(() => ({ file, image: null, variants: [] }));
  const image = await step('inspectImage')({ file });
  if (image === null || variants.length === 0) return { file, image, variants: [] };
  achieves(() => ({ file, image, variants: [] }));
  return {
    file,
    image,
    variants: await step('renderVariants')({ tenant, file, variants, ...(retentionDays !== undefined && { retentionDays }) }),
  };
});
