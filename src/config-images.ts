import { z } from 'zod';

/** What decoding one picture may use of the worker. */
export interface ImageSettings {
  /** Width × height. */
  readonly maxPixels: number;
  /** Of the process that decodes, in MiB. */
  readonly memoryMb: number;
  /** For one variant. */
  readonly timeoutSeconds: number;
}

export const imageVariables = {
  HANDOFF_MAX_IMAGE_PIXELS: z.coerce.number().int().min(1).default(100_000_000),
  HANDOFF_IMAGE_MEMORY_MB: z.coerce.number().int().min(512).default(1_024),
  HANDOFF_IMAGE_SECONDS: z.coerce.number().int().min(1).max(3_000).default(120),
};

export function imagesOf(values: z.infer<z.ZodObject<typeof imageVariables>>): ImageSettings {
  return {
    maxPixels: values.HANDOFF_MAX_IMAGE_PIXELS,
    memoryMb: values.HANDOFF_IMAGE_MEMORY_MB,
    timeoutSeconds: values.HANDOFF_IMAGE_SECONDS,
  };
}
