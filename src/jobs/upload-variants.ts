import { z } from 'zod';

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
    alternatives: z
      .array(z.enum(variantFormats))
      .min(1)
      .max(variantFormats.length - 1)
      .optional()
      .meta({
        description:
          'The same picture in further formats, each with its default quality. The URL of the variant gives the one that `Accept` asks for.',
      }),
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
  .superRefine(({ width, height, fit, position, quality, animated, format, alternatives = [] }, context) => {
    const refuse = (path: string, message: string) => {
      context.addIssue({ code: 'custom', path: [path], message });
    };
    if (width === undefined && height === undefined) refuse('width', 'is missing; width, height or both are needed');
    const inBox = fit === 'cover' || fit === 'contain' || fit === 'fill';
    if (inBox && (width === undefined || height === undefined)) refuse('fit', 'needs both width and height');
    if (position !== undefined && fit !== 'cover' && fit !== 'contain') refuse('position', 'needs the fit cover or contain');
    if ((position === 'attention' || position === 'entropy') && fit === 'contain') refuse('position', 'needs the fit cover');
    if (quality !== undefined && format === 'png') refuse('quality', 'is nothing that PNG has');
    if (alternatives.includes(format)) refuse('alternatives', 'has the format of the variant itself');
    if (new Set(alternatives).size < alternatives.length) refuse('alternatives', 'has the same format twice');
    if (animated === 'keep' && alternatives.length > 0) refuse('alternatives', 'would not be animated');
    if (animated === 'keep' && format !== 'webp') refuse('animated', 'can be kept as WebP only');
    if (animated === 'keep' && (position === 'attention' || position === 'entropy')) refuse('position', 'would differ from frame to frame');
  });

export type VariantRequest = z.infer<typeof variantRequest>;

export const variantRequests = z
  .array(variantRequest)
  .max(10)
  .refine((variants) => new Set(variants.map((variant) => variant.name)).size === variants.length, 'has the same name twice');
