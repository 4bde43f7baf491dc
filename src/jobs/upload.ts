import { z } from 'zod';

import { invalid } from '../errors.ts';
import { contentTypeOf } from './content-type.ts';
import type { JobType } from './definition.ts';
import type { StoredFile } from './files.ts';
import { fileIdFor } from './ids.ts';
import { exampleFile, linkedFile } from './linked-file.ts';
import { retentionDays } from './retention.ts';

export const variantFormats = ['jpeg', 'png', 'webp', 'avif'] as const;
export type VariantFormat = (typeof variantFormats)[number];

/** In pixels. WebP ends at 16,383 a side. */
const side = z.int().min(1).max(16_383);

const variantRequest = z.strictObject({
  name: z.string().regex(/^[a-z0-9][a-z0-9_-]{0,39}$/, 'must be 1 to 40 of a-z, 0-9, _ and -'),
  width: side,
  height: side.optional(),
  format: z.enum(variantFormats),
});

/** Part `request` of `POST /v1/uploads`. The picture is fitted inside width × height, never enlarged. */
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

/** As shown upright (EXIF orientation applied), in pixels. */
export interface ImageFacts {
  format: string;
  width: number;
  height: number;
}

export interface Variant {
  name: string;
  width: number;
  height: number;
  format: VariantFormat;
  file: StoredFile;
}

export interface UploadResult {
  file: StoredFile;
  /** null: not an image that we decode; stored with its metadata only. */
  image: ImageFacts | null;
  variants: Variant[];
}

const uploadResult = z
  .object({
    file: linkedFile,
    image: z.object({ format: z.string(), width: z.int(), height: z.int() }).nullable().meta({
      description: 'As shown upright, in pixels; null: not an image that we decode.',
    }),
    variants: z.array(z.object({ name: z.string(), width: z.int(), height: z.int(), format: z.enum(variantFormats), file: linkedFile })),
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
  present: ({ file, image, variants }, link) => ({
    file: link(file),
    image,
    variants: variants.map((variant) => ({ ...variant, file: link(variant.file) })),
  }),
};
