import decodeHeic from 'heic-decode';
import type { Sharp } from 'sharp';
import sharp from 'sharp';

import { AppError } from '../errors.ts';
import type { Size } from './geometry.ts';

/** libvips comes without a decoder for HEVC: this one is WebAssembly, and turns the picture upright itself. */
export async function openHeic(bytes: Buffer, maxPixels: number): Promise<Size & { open: () => Promise<Sharp> }> {
  const [first] = await decodeHeic.all({ buffer: bytes });
  if (first === undefined) throw new AppError('image_unreadable', "The picture can't be decoded: there is none in it.");
  const { width, height } = first;
  if (width * height > maxPixels) throw new AppError('image_too_large', `The picture has more than ${String(maxPixels)} pixels.`);
  return {
    width,
    height,
    open: async () => {
      const { data } = await first.decode();
      const pixels = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
      const picture = sharp(pixels, { raw: { width, height, channels: 4 }, limitInputPixels: maxPixels });
      return (await picture.stats()).isOpaque ? picture.removeAlpha() : picture;
    },
  };
}
