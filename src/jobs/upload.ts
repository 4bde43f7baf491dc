import { z } from 'zod';

import { invalid } from '../errors.ts';
import type { JobType, ReceivedPart } from './definition.ts';
import type { StoredFile } from './files.ts';
import { fileIdFor } from './ids.ts';
import { exampleFile, linkedFile } from './linked-file.ts';

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

const untold = new Set(['', 'application/octet-stream', 'binary/octet-stream']);
/** Other names in use, and how the bytes are named. */
const aliases: Partial<Record<string, string>> = {
  'image/jpg': 'image/jpeg',
  'image/pjpeg': 'image/jpeg',
  'image/x-png': 'image/png',
  'image/apng': 'image/png',
  'image/vnd.microsoft.icon': 'image/x-icon',
};
/** RFC 6838, 4.2. What is no type of this form would not fit into a header. */
const mediaType = /^[a-z0-9][a-z0-9!#$&^_.+-]{0,126}\/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}$/;

/** HEIF files name their brand; clients name any of them. */
const kindOf = (type: string | undefined) => type?.replace(/^image\/hei[cf](-sequence)?$/, 'image/heif');

/**
 * What the file is, by its bytes first. Where either side says "image" both must agree: an image under a false name is
 * how a filter is passed or a decoder is reached.
 */
function contentTypeOf({ staged, declaredType = '' }: ReceivedPart): string {
  const given = declaredType.split(';')[0]?.trim().toLowerCase() ?? '';
  const declared = mediaType.test(given) ? (aliases[given] ?? given) : '';
  const sniffed = staged.sniffedType;
  if (untold.has(declared)) return sniffed ?? 'application/octet-stream';
  // What a part is that names no type (RFC 7578, 4.4): many clients send pictures so.
  if (declared === 'text/plain') return sniffed ?? declared;
  const imageByName = declared.startsWith('image/') && declared !== 'image/svg+xml';
  if ((imageByName || sniffed?.startsWith('image/')) && kindOf(declared) !== kindOf(sniffed))
    throw invalid('/file', `declared as ${declared}, but the bytes are ${sniffed ?? 'no known image'}`, 'content_type_mismatch');
  return sniffed ?? declared;
}

export const upload: JobType<UploadRequest, UploadInput, UploadResult> = {
  type: 'upload',
  path: '/uploads',
  body: 'multipart',
  request: uploadRequest,
  result: uploadResult,
  problems: ['content_type_mismatch', 'image_truncated'],
  async prepare({ variants = defaultVariants }, { part, jobId, tenant }) {
    if (part === undefined) throw invalid('/file', 'is missing');
    const contentType = contentTypeOf(part);
    if (part.staged.size === 0) throw invalid('/file', 'is empty');
    if (part.staged.truncation !== undefined) throw invalid('/file', part.staged.truncation, 'image_truncated');
    // The hash in the role: a second body under the same key must not touch the first one's file.
    const id = fileIdFor(jobId, `source ${part.staged.sha256}`);
    return { file: await part.staged.commit({ id, name: part.name, contentType, tenant, jobId }), variants };
  },
  revise: ({ variants = defaultVariants }) => ({ variants }),
  summary: ({ file, variants }) => (file.contentType.startsWith('image/') ? `Upload, ${String(variants.length)} variants` : 'Upload'),
  present: ({ file, image, variants }, link) => ({
    file: link(file),
    image,
    variants: variants.map((variant) => ({ ...variant, file: link(variant.file) })),
  }),
};
