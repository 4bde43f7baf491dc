import type { Rendition, UploadInput, UploadResult, Variant } from '../src/jobs/upload.ts';
import { job } from './job.ts';

/** Looks into the stored file and, when it is a picture, makes the variants that were asked for. */
export const processUpload = job<UploadInput, UploadResult>(async ({ tenant, input }, { step, achieves }) => {
  const { file, variants } = input;
  achieves(() => ({ file, image: null, variants: [] }));
  const image = await step('inspectImage')({ file });
  // Workers before 0.2 told no pages, and had nothing more to do then.
  if (image === null || (variants.length === 0 && image.pages === undefined)) return { file, image, variants: [] };
  achieves(() => ({ file, image, variants: [] }));
  const made: Rendition | Variant[] = await step('renderVariants')({ tenant, file, variants });
  // As they told it then.
  if (Array.isArray(made)) return { file, image, variants: made };
  return { file, image: { ...image, ...made.colours }, variants: made.variants, omitted: made.omitted };
});
