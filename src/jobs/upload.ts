import { z } from 'zod';

import { invalid } from '../errors.ts';
import { contentTypeOf } from './content-type.ts';
import type { JobType } from './definition.ts';
import type { StoredFile } from './files.ts';
import { fileIdFor } from './ids.ts';
import { exampleFile, linkedFile } from './linked-file.ts';
import { retentionDays } from './retention.ts';
import { presentDocument, type UploadDocument, uploadDocument } from './upload-documents.ts';

export const variantFormats = ['jpeg', 'png', 'webp', 'avif'] as const;
export type VariantFormat = (typeof variantFormats)[number];

/** In pixels. WebP ends at 16,383 a side. */
const side = z.int().min(1).max(16_383);

const positions = ['centre', 'top', 'right', 'bottom', 'left', 'attention', 'entropy'] as const;

const variantRequest = z
  .strictObject({
    name: z.string().regex(/^[a-z0-9][a-z0-9_-]{0,39}$/, 'must be 1 to 40 of a-z, 0-9, _ and -'),
    width: side.optional(),
    height: side.optional(),
    fit: z.enum(['inside', 'outside', 'cover', 'contain', 'fill']).optional().meta({
      description:
        'Default: inside. How the picture goes into width × height: within it; over it; cut to it; within it, with background around it; squeezed into it.',
    }),
    position: z.enum(positions).optional().meta({
      description:
        'With cover and contain. Default: centre. attention and entropy (cover only) keep what the eye looks at, and what has most detail.',
    }),
    format: z.enum(variantFormats),
    quality: z.int().min(1).max(100).optional().meta({ description: 'Default: 80, AVIF 50. PNG is lossless.' }),
    background: z
      .string()
      .regex(/^#[0-9a-fA-F]{6}([0-9a-fA-F]{2})?$/, 'must be a colour like #ffffff, or #ffffff80')
      .optional()
      .meta({ description: 'Around what is contained, and behind transparent parts in JPEG. Default: transparent; white in JPEG.' }),
    onlyIfSmaller: z.boolean().optional().meta({ description: 'Default: false. true: left out when it is not smaller than the file.' }),
    animated: z
      .enum(['drop', 'keep'])
      .optional()
      .meta({ description: 'Default: drop, which takes the first frame. keep: all frames, as WebP.' }),
  })
  .superRefine(({ width, height, fit, position, quality, animated, format }, context) => {
    const refuse = (path: string, message: string) => {
      context.addIssue({ code: 'custom', path: [path], message });
    };
    if (width === undefined && height === undefined) refuse('width', 'is missing; width, height or both are needed');
    const inBox = fit === 'cover' || fit === 'contain' || fit === 'fill';
    if (inBox && (width === undefined || height === undefined)) refuse('fit', 'needs both width and height');
    if (position !== undefined && fit !== 'cover' && fit !== 'contain') refuse('position', 'needs the fit cover or contain');
    if ((position === 'attention' || position === 'entropy') && fit === 'contain') refuse('position', 'needs the fit cover');
    if (quality !== undefined && format === 'png') refuse('quality', 'is nothing that PNG has');
    if (animated === 'keep' && format !== 'webp') refuse('animated', 'can be kept as WebP only');
    if (animated === 'keep' && (position === 'attention' || position === 'entropy')) refuse('position', 'would differ from frame to frame');
  });

/** Part `request` of `POST /v1/uploads`. No picture is ever enlarged. */
export const uploadRequest = z.strictObject({
  variants: z
    .array(variantRequest)
    .max(10)
    .refine((variants) => new Set(variants.map((variant) => variant.name)).size === variants.length, 'has the same name twice')
    .optional()
    .meta({ description: 'Default: thumb (160 px), medium (640 px) and large (1600 px), all WebP. Ignored for files that are no image.' }),
  retentionDays: retentionDays.optional(),
});

export type UploadRequest = z.infer<typeof uploadRequest>;
export type VariantRequest = z.infer<typeof variantRequest>;

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
    variants: z.array(z.object({ name: z.string(), width: z.int(), height: z.int(), format: z.enum(variantFormats), file: linkedFile })),
    omitted: z
      .array(z.object({ name: z.string(), reason: z.enum(['not_smaller']) }))
      .optional()
      .meta({ description: 'Variants that were asked for and are not there.' }),
    document: uploadDocument
      .optional()
      .meta({ description: 'Of a PDF, a video or a table (CSV, Parquet). Variants are then made of its poster.' }),
  })
  .meta({ examples: [{ file: exampleFile, image: null, variants: [] }] });

export const upload: JobType<UploadRequest, UploadInput, UploadResult> = {
  type: 'upload',
  path: '/uploads',
  body: 'multipart',
  request: uploadRequest,
  result: uploadResult,
  problems: ['content_type_mismatch', 'image_truncated'],
  async prepare({ variants = defaultVariants, retentionDays: days }, { part, jobId, tenant }) {
    if (part === undefined) throw invalid('/file', 'is missing');
    const contentType = contentTypeOf(part.declaredType, part.staged.sniffedType, '/file');
    if (part.staged.size === 0) throw invalid('/file', 'is empty');
    if (part.staged.truncation !== undefined) throw invalid('/file', part.staged.truncation, 'image_truncated');
    // The hash in the role: a second body under the same key must not touch the first one's file.
    const id = fileIdFor(jobId, `source ${part.staged.sha256}`);
    const file = await part.staged.commit({ id, name: part.name, contentType, tenant, jobId, retentionDays: days });
    return { file, variants, ...(days !== undefined && { retentionDays: days }) };
  },
  revise: ({ variants = defaultVariants, retentionDays: days }) => ({ variants, ...(days !== undefined && { retentionDays: days }) }),
  summary: ({ file, variants }) => (file.contentType.startsWith('image/') ? `Upload, ${String(variants.length)} variants` : 'Upload'),
  present: ({ file, image, variants, omitted = [], document }, link) => ({
    file: link(file),
    image,
    ...(omitted.length > 0 && { omitted }),
    ...(document && { document: presentDocument(document, link) }),
    variants: variants.map((variant) => ({ ...variant, file: link(variant.file) })),
  }),
};
