import { z } from 'zod';

import { type AppError, invalid } from '../errors.ts';
import { singleLine } from './single-line.ts';
import { variantRequests } from './upload-variants.ts';
import type { NewVersion, VersionEntry, VersionStore } from './versions.ts';

const acceptedType = z
  .string()
  .regex(/^[a-z]+\/(?:\*|[a-z0-9][a-z0-9.+-]{0,99})$/, 'must be a type like image/png, or image/*')
  .meta({ examples: ['image/*'] });

/** Body of `PUT /v1/upload-presets/{name}`. */
export const uploadPresetRequest = z
  .strictObject({
    accept: z
      .array(acceptedType)
      .min(1)
      .max(50)
      .optional()
      .meta({ description: 'Types of files that are taken, as their bytes prove them. Default: all.' }),
    maxBytes: z.int().min(1).optional().meta({ description: 'Larger files are refused. Default: HANDOFF_MAX_UPLOAD_BYTES.' }),
    variants: variantRequests.optional().meta({ description: 'Default: thumb (160 px), medium (640 px) and large (1600 px), all WebP.' }),
    camera: z.enum(['tell', 'leave']).optional().meta({
      description: 'Default: tell. Whether the result tells camera, exposure and time. Variants never have metadata.',
    }),
    description: singleLine.max(500).optional(),
  })
  .meta({
    id: 'UploadPresetRequest',
    examples: [
      {
        accept: ['image/*'],
        maxBytes: 10_000_000,
        variants: [{ name: 'avatar', width: 256, height: 256, fit: 'cover', position: 'attention', format: 'webp' }],
        camera: 'leave',
      },
    ],
  });

export type PresetSource = z.infer<typeof uploadPresetRequest>;

export interface PresetVersion extends VersionEntry {
  source: PresetSource;
}

/** Of a tenant. */
export type PresetStore = VersionStore<PresetVersion, NewVersion<PresetSource>>;

/**
 * For a submission. A name or version that is not there, and one of another tenant, are the same.
 * @param parent pointer to what holds `preset`. @throws AppError `preset_not_found`.
 */
export async function chosenPreset(
  presets: Pick<PresetStore, 'find'> | undefined,
  tenant: string,
  { preset, presetVersion }: { preset: string; presetVersion?: number | undefined },
  parent: string,
): Promise<PresetVersion> {
  const found = await presets?.find(tenant, preset, presetVersion);
  if (found !== undefined) return found;
  if (presetVersion === undefined) throw invalid(`${parent}/preset`, 'There is no such preset.', 'preset_not_found');
  throw invalid(`${parent}/presetVersion`, 'There is no such version of this preset.', 'preset_not_found');
}

/** @throws AppError `file_not_accepted`. */
export function assertAccepted({ accept, maxBytes }: PresetSource, file: { contentType: string; size: number }, pointer: string): void {
  const takes = (type: string) => (type.endsWith('/*') ? file.contentType.startsWith(type.slice(0, -1)) : type === file.contentType);
  if (accept !== undefined && !accept.some(takes)) throw notAccepted(pointer, `is ${file.contentType}, which this preset does not take`);
  if (maxBytes !== undefined && file.size > maxBytes) throw notAccepted(pointer, `has more than ${String(maxBytes)} bytes`);
}

function notAccepted(pointer: string, detail: string): AppError {
  return invalid(pointer, detail, 'file_not_accepted');
}
