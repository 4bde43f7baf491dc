import { z } from 'zod';

import { invalid } from '../errors.ts';
import { contentTypeOf } from './content-type.ts';
import type { JobType, Submission } from './definition.ts';

import { type CheckResult, checkResult, type FileCheck, openChecksOf } from './file-checks.ts';
import type { StoredFile } from './files.ts';
import { fileIdFor } from './ids.ts';
import { exampleFile, linkedFile } from './linked-file.ts';
import { retentionDays } from './retention.ts';
import { presentDocument, type UploadDocument, uploadDocument } from './upload-documents.ts';
import { assertAccepted, chosenPreset } from './upload-presets.ts';
import { versionedName } from './versions.ts';
import { type VariantFormat, variantFormats, type VariantRequest, variantRequests } from './upload-variants.ts';

export type { VariantFormat, VariantRequest };

/** Part `request` of `POST /v1/uploads`. No picture is ever enlarged. */
export const uploadRequest = z
  .strictObject({
    variants: variantRequests.optional().meta({
      description:
        'Default: those of the preset; without one thumb (160 px), medium (640 px) and large (1600 px), all WebP. Ignored for files that can not be shown as a picture.',
    }),
    preset: versionedName.optional().meta({ description: 'Name of an upload preset: what is taken, and what is made of it.' }),
    presetVersion: z.int().min(1).max(999_999_999).optional().meta({ description: 'Default: the newest one.' }),
    retentionDays: retentionDays.optional(),
  })
  .refine(({ variants, preset }) => variants === undefined || preset === undefined, {
    path: ['variants'],
    error: 'give variants or a preset, not both',
  })
  .refine(({ preset, presetVersion }) => presetVersion === undefined || preset !== undefined, { path: ['preset'], error: 'is missing' });

export type UploadRequest = z.infer<typeof uploadRequest>;

export const defaultVariants: VariantRequest[] = [
  { name: 'thumb', width: 160, format: 'webp' },
  { name: 'medium', width: 640, format: 'webp' },
  { name: 'large', width: 1600, format: 'webp' },
];

/** Input of the workflow `processUpload`. */
export interface UploadInput {
  file: StoredFile;
  variants: VariantRequest[];
  /** Of the variants: the file has it already. */
  retentionDays?: number;
  /** As it was chosen; null: another choice has taken its place. */
  preset?: { name: string; version: number } | null;
  /** Whether camera, exposure and time are told. Default: tell. */
  camera?: 'tell' | 'leave';
  /** Until they are done the file is in quarantine. Default: none is open. */
  checks?: FileCheck[];
}

/** What cameras write into pictures, without places, serial numbers and names of people. */
export interface CameraFacts {
  make?: string;
  model?: string;
  exposureSeconds?: number;
  /** f-number. */
  aperture?: number;
  iso?: number;
  focalLengthMm?: number;
  /** By the camera's clock, without a time zone: `2026-11-22T13:25:37`. */
  takenAt?: string;
}

/** As the header tells it. */
export interface ImageFacts {
  format: string;
  /** As shown upright (EXIF orientation applied), in pixels. */
  width: number;
  height: number;
  /** Frames of an animation, pages of a TIFF. */
  pages?: number;
  hasAlpha?: boolean;
  camera?: CameraFacts;
}

/** As its pixels tell it. */
export interface ImageColours {
  /** Like `#a0c0ff`. */
  dominantColour: string;
  /** ThumbHash in base 64. */
  placeholder: string;
}

export interface Variant {
  name: string;
  width: number;
  height: number;
  format: VariantFormat;
  file: StoredFile;
  /** The same picture in further formats, where they are smaller. */
  alternatives?: { format: VariantFormat; file: StoredFile }[];
}

export interface Omission {
  name: string;
  reason: 'not_smaller';
}

/** All that is made of the pixels of a picture. */
export interface Rendition {
  variants: Variant[];
  omitted: Omission[];
  colours: ImageColours;
}

export interface UploadResult {
  file: StoredFile;
  /** null: not an image that we decode; stored with its metadata only. */
  image: (ImageFacts & Partial<ImageColours>) | null;
  variants: Variant[];
  /** Variants that were asked for and are not there. */
  omitted?: Omission[];
  /** Of a PDF, a video or a table. */
  document?: UploadDocument;
  preset?: { name: string; version: number };
  /** That the file has passed since it was received. */
  checks?: CheckResult[];
}

const camera = z.object({
  make: z.string().optional(),
  model: z.string().optional(),
  exposureSeconds: z.number().optional(),
  aperture: z.number().optional(),
  iso: z.number().optional(),
  focalLengthMm: z.number().optional(),
  takenAt: z.string().optional().meta({ description: "By the camera's clock, without a time zone." }),
});

const imageFacts = z.object({
  format: z.string(),
  width: z.int(),
  height: z.int(),
  pages: z.int().optional().meta({ description: 'Frames of an animation, pages of a TIFF.' }),
  hasAlpha: z.boolean().optional(),
  camera: camera.optional(),
  dominantColour: z
    .string()
    .optional()
    .meta({ examples: ['#a0c0ff'] }),
  placeholder: z.string().optional().meta({ description: 'ThumbHash in base 64: some 25 bytes to show before the picture is there.' }),
});

const uploadResult = z
  .object({
    file: linkedFile,
    image: imageFacts.nullable().meta({
      description: 'As shown upright, in pixels; null: not an image that we decode.',
    }),
    variants: z.array(
      z.object({
        name: z.string(),
        width: z.int(),
        height: z.int(),
        format: z.enum(variantFormats),
        file: linkedFile,
        alternatives: z
          .array(z.object({ format: z.enum(variantFormats), file: linkedFile }))
          .optional()
          .meta({ description: 'The same picture in further formats. They are had by the URL of the variant, too, with `Accept`.' }),
      }),
    ),
    omitted: z
      .array(z.object({ name: z.string(), reason: z.enum(['not_smaller']) }))
      .optional()
      .meta({ description: 'Variants that were asked for and are not there.' }),
    document: uploadDocument
      .optional()
      .meta({ description: 'Of a PDF, a video or a table (CSV, Parquet). Variants are then made of its poster.' }),
    checks: z.array(checkResult).optional().meta({ description: 'That the file has passed since it was received.' }),
  })
  .meta({ examples: [{ file: exampleFile, image: null, variants: [] }] });

interface Planning extends Pick<Submission, 'tenant' | 'presets'> {
  file: Pick<StoredFile, 'contentType' | 'size'>;
  /** Pointers, for what is wrong. */
  at: { file: string; request: string };
}

/** What is done with a file, once and for all. @throws AppError `preset_not_found`, `file_not_accepted`. */
export async function plannedUpload(
  { variants, preset, presetVersion }: UploadRequest,
  { tenant, presets, file, at }: Planning,
): Promise<Omit<UploadInput, 'file'>> {
  if (preset === undefined) return { variants: variants ?? defaultVariants };
  const { name, version, source } = await chosenPreset(presets, tenant, { preset, presetVersion }, at.request);
  assertAccepted(source, file, at.file);
  return { variants: source.variants ?? defaultVariants, preset: { name, version }, ...(source.camera && { camera: source.camera }) };
}

/**
 * What is known of a file before its bytes are there: enough to refuse some. Their type is what they prove, so it is not.
 * @throws AppError `preset_not_found`, `file_not_accepted`.
 */
export async function assertUploadable(
  { preset, presetVersion }: UploadRequest,
  { tenant, presets, size, at }: Omit<Planning, 'file'> & { size: number | undefined },
): Promise<void> {
  if (preset === undefined) return;
  const { source } = await chosenPreset(presets, tenant, { preset, presetVersion }, at.request);
  assertAccepted({ ...source, accept: undefined }, { contentType: '', size: size ?? 0 }, at.file);
}

export const upload: JobType<UploadRequest, UploadInput, UploadResult> = {
  type: 'upload',
  path: '/uploads',
  body: 'multipart',
  request: uploadRequest,
  result: uploadResult,
  problems: ['content_type_mismatch', 'image_truncated', 'preset_not_found', 'file_not_accepted'],
  async prepare(asked, { part, jobId, tenant, presets, scanning = false }) {
    if (part === undefined) throw invalid('/file', 'is missing');
    if (part.staged.size === 0) throw invalid('/file', 'is empty');
    const contentType = contentTypeOf(part.declaredType, part.staged.sniffedType, '/file');
    if (part.staged.truncation !== undefined) throw invalid('/file', part.staged.truncation, 'image_truncated');
    const plan = await plannedUpload(asked, {
      tenant,
      presets,
      file: { contentType, size: part.staged.size },
      at: { file: '/file', request: '/request' },
    });
    // The hash in the role: a second body under the same key must not touch the first one's file.
    const id = fileIdFor(jobId, `source ${part.staged.sha256}`);
    const { retentionDays: days } = asked;
    const checks = openChecksOf(part.staged, scanning);
    const terms = { quarantined: checks.length > 0, retentionDays: days };
    const file = await part.staged.commit({ id, name: part.name, contentType, tenant, jobId, ...terms });
    return { file, ...plan, ...(checks.length > 0 && { checks }), ...(days !== undefined && { retentionDays: days }) };
  },
  revise({ variants = defaultVariants, preset, retentionDays: days }) {
    if (preset !== undefined) throw invalid('/request/preset', 'can be chosen only with the upload; give variants');
    return { variants, preset: null, ...(days !== undefined && { retentionDays: days }) };
  },
  summary: ({ file, variants }) => (file.contentType.startsWith('image/') ? `Upload, ${String(variants.length)} variants` : 'Upload'),
  present: ({ file, image, variants, omitted = [], document, preset, checks }, link) => ({
    file: link(file),
    image,
    ...(omitted.length > 0 && { omitted }),
    ...(preset && { preset }),
    ...(document && { document: presentDocument(document, link) }),
    ...(checks && { checks }),
    variants: variants.map(({ alternatives, ...variant }) => ({
      ...variant,
      file: link(variant.file),
      ...(alternatives && { alternatives: alternatives.map(({ format, file: other }) => ({ format, file: link(other) })) }),
    })),
  }),
};
