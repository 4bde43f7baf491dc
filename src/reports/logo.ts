import sharp from 'sharp';

import { AppError } from '../errors.ts';
import type { Logo } from './pdf-order.ts';

/** In points. */
const box = { width: 140, height: 48 };
/** Sharp on paper. */
const pixelsPerPoint = 4;
const maxPixels = 40_000_000;

/** A logo in the form that PDF takes, whatever kind of PNG or JPEG it was. @throws AppError `source_unreadable` */
export async function readableLogo(bytes: Uint8Array): Promise<Logo> {
  try {
    const { data, info } = await sharp(bytes, { limitInputPixels: maxPixels, failOn: 'error' })
      .rotate()
      .resize({ width: box.width * pixelsPerPoint, height: box.height * pixelsPerPoint, fit: 'inside', withoutEnlargement: true })
      .toColourspace('srgb')
      .png({ progressive: false, palette: false })
      .toBuffer({ resolveWithObject: true });
    const scale = Math.min(box.width / info.width, box.height / info.height);
    return { image: `data:image/png;base64,${data.toString('base64')}`, width: info.width * scale, height: info.height * scale };
  } catch (cause) {
    throw new AppError('source_unreadable', 'The logo of the report is no picture that can be read.', { cause });
  }
}
