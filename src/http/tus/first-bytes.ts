import { contentTypeOf } from '../../jobs/content-type.ts';
import type { PartialUpload, PartialUploads, UploadEnd } from '../../jobs/partial-uploads.ts';
import { plannedUpload, type UploadRequest } from '../../jobs/upload.ts';
import type { PresetStore } from '../../jobs/upload-presets.ts';
import { uploadType } from '../upload-type.ts';
import { validated } from '../validation.ts';
import type { FinishingDependencies } from './finishing.ts';
import { metadataOf } from './metadata.ts';
import { refusalBy } from './problems.ts';

export interface ReceivingDependencies extends Pick<FinishingDependencies, 'onUploadRefused'> {
  partials: PartialUploads;
  presets: PresetStore;
}

/** @throws AppError as `prepare` of the job type would, once all bytes are here. */
async function assertTypeTaken(
  { tenant, size = 0, metadata }: PartialUpload,
  type: string | undefined,
  presets: PresetStore,
): Promise<void> {
  const { declaredType, request } = metadataOf(metadata);
  const file = { contentType: contentTypeOf(declaredType, type, '/file'), size };
  const { preset, presetVersion } = validated(uploadType.submission, request, ['request']) as UploadRequest;
  await plannedUpload({ preset, presetVersion }, { tenant, presets, file, at: { file: '/file', request: '/request' } });
}

/**
 * Keeps what comes; under a claim. An upload whose first bytes prove that it would be refused in the end is refused by them, so
 * that nobody sends the rest for nothing.
 * @returns how many bytes there are then. @throws AppError.
 */
export async function receive(
  upload: PartialUpload,
  bytes: AsyncIterable<Uint8Array>,
  { partials, presets, onUploadRefused }: ReceivingDependencies,
): Promise<number> {
  let end: Extract<UploadEnd, { refusal: unknown }> | undefined;
  const onType = async (type: string | undefined) => {
    await assertTypeTaken(upload, type, presets).catch((error: unknown) => {
      end = refusalBy(error);
      // Anything else is looked at again at the end.
      if (end !== undefined) throw error;
    });
  };
  try {
    return await partials.append(upload.id, bytes, onType);
  } catch (error) {
    if (end !== undefined) {
      await partials.end(upload.id, end);
      onUploadRefused?.({ id: upload.id, code: end.refusal.code });
    }
    throw error;
  }
}
