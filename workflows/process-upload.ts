import type { JobArgs } from '../src/jobs/definition.ts';
import type { UploadInput, UploadResult } from '../src/jobs/upload.ts';
import { activity } from './policies.ts';

/** Looks into the stored file and, when it is a picture, makes the variants that were asked for. */
export async function processUpload({ tenant, input }: JobArgs<UploadInput>): Promise<UploadResult> {
  const { file, variants } = input;
  const image = await activity('inspectImage')({ file });
  if (image === null || variants.length === 0) return { file, image, variants: [] };
  return { file, image, variants: await activity('renderVariants')({ tenant, file, variants }) };
}
