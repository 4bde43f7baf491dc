import type { Sharp } from 'sharp';
import sharp from 'sharp';
import { rgbaToThumbHash } from 'thumbhash';

import type { ImageColours } from '../jobs/upload.ts';

/** ThumbHash takes no larger pictures. */
export const placeholderSide = 100;

const hex = (value: number): string => Math.round(value).toString(16).padStart(2, '0');

/** The colour that is most of it, and a picture of some 25 bytes to show before it is there. */
export async function coloursOf(picture: Sharp): Promise<ImageColours> {
  const small = picture.resize({ width: placeholderSide, height: placeholderSide, fit: 'inside', withoutEnlargement: true });
  const { data, info } = await small.toColourspace('srgb').ensureAlpha().raw().toBuffer({ resolveWithObject: true });
  const raw = { width: info.width, height: info.height, channels: 4 as const };
  const { dominant } = await sharp(data, { raw }).stats();
  return {
    dominantColour: `#${hex(dominant.r)}${hex(dominant.g)}${hex(dominant.b)}`,
    placeholder: Buffer.from(rgbaToThumbHash(info.width, info.height, data)).toString('base64'),
  };
}
