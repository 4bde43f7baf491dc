import type { AppError } from '../errors.ts';
import type { ImageColours, ImageFacts, VariantRequest } from '../jobs/upload.ts';

/** What a decoder may read before it gives up. */
export interface DecodeLimits {
  /** Of one picture, width × height; of an animation, all frames together. */
  maxPixels: number;
}

/** For one decoder, one at a time. Files lie in `directory`: `source`, and a result for each variant. */
export type Order = DecodeLimits & { directory: string; contentType: string } & ({ inspect: true } | { render: VariantRequest[] });

/** `bytes` null: the variant would not be smaller than its source. */
export interface Made {
  index: number;
  width: number;
  height: number;
  bytes: number | null;
}

/** A decoder is ready once; then tells each variant as soon as it is made, and then the outcome. */
export type Answer =
  | { ready: true }
  | { made: Made }
  | ({ rss: number } & (
      | { facts: ImageFacts | null }
      | { colours: ImageColours }
      | { refused: Pick<AppError, 'code' | 'message'> }
      | { noMemory: true }
      | { broken: string }
    ));

export const sourceIn = (directory: string): string => `${directory}/source`;
export const variantIn = (directory: string, index: number): string => `${directory}/variant-${String(index)}`;
