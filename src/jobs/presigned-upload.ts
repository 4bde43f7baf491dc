import { z } from 'zod';

import { AppError, invalid } from '../errors.ts';
import { declaredTypeOf } from './content-type.ts';
import type { StagedFile } from './files.ts';
import { assertAccepted, chosenPreset, type PresetStore } from './upload-presets.ts';
import type { UploadRequest } from './upload.ts';

/** Body of `POST /v1/uploads/presigned`, but for its `request`. */
export const presignedFields = {
  name: z
    .string()
    .min(1)
    .max(255)
    .meta({ description: 'Of the file. Only what comes after the last slash counts.', examples: ['photo.jpg'] }),
  contentType: z
    .string()
    .max(127)
    .regex(/^[a-z0-9][a-z0-9!#$&^_.+-]*\/[a-z0-9][a-z0-9!#$&^_.+-]*$/, 'must be a type like image/jpeg')
    .meta({ description: 'What its bytes prove counts more. application/octet-stream: they alone.', examples: ['image/jpeg'] }),
  size: z
    .int()
    .min(1)
    .meta({ description: 'In bytes; the upload must have exactly as many.', examples: [69_776] }),
  sha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/, 'must be a SHA-256 in lower-case hex')
    .optional()
    .meta({ description: 'Of the bytes. Others are refused.' }),
};

/** What is known of a file that its client is to bring. */
export const presignedNote = z.object({
  tenant: z.string(),
  ...presignedFields,
  request: z.unknown(),
  /** Until when the job can be started, in milliseconds. */
  completeBy: z.number(),
});
export type PresignedNote = z.infer<typeof presignedNote>;

/** How long the signed address can be used, and how long it takes until nothing is started with what was put there. */
export const presignedSeconds = 3_600;
const completeWithinMs = 12 * 3_600_000;

export const completeBy = (now: number): number => now + completeWithinMs;

/** What can be known to be refused before there are bytes. @throws AppError `preset_not_found`, `file_not_accepted`. */
export async function assertTakable(
  { contentType, size }: Pick<PresignedNote, 'contentType' | 'size'>,
  { preset, presetVersion }: UploadRequest,
  { tenant, presets }: { tenant: string; presets: Pick<PresetStore, 'find'> },
): Promise<void> {
  if (preset === undefined) return;
  const { source } = await chosenPreset(presets, tenant, { preset, presetVersion }, '/request');
  const { accept, maxBytes } = source;
  const said = declaredTypeOf(contentType);
  // Many clients call everything so.
  const isTold = said !== undefined && said !== 'text/plain';
  if (isTold && accept !== undefined) assertAccepted({ accept }, { contentType: said, size }, '/contentType');
  if (maxBytes !== undefined) assertAccepted({ maxBytes }, { contentType, size }, '/size');
}

/** @throws AppError `upload_differs`. */
export function assertAsTold({ size, sha256 }: Pick<StagedFile, 'size' | 'sha256'>, told: Pick<PresignedNote, 'size' | 'sha256'>): void {
  if (size !== told.size) throw invalid('/size', `was ${String(told.size)}, but ${String(size)} bytes were uploaded`, 'upload_differs');
  if (told.sha256 !== undefined && sha256 !== told.sha256)
    throw invalid('/sha256', 'is not that of the bytes that were uploaded', 'upload_differs');
}

/** @throws AppError `presigned_unavailable`. */
export function unavailable(): AppError {
  return new AppError(
    'presigned_unavailable',
    'The files of this installation lie where only it can write: send the file to POST /v1/uploads.',
  );
}
