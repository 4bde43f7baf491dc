import type { Metadata } from 'sharp';

/** ICC.1:2022, 7.2: where the header of a profile names its colour space. */
const colourSpace = { from: 16, to: 20 };

/** Whether it has a profile for red, green and blue that is not sRGB, as photos of phones (Display P3) do. Others are converted. */
export function isWideProfile({ icc, space }: Pick<Metadata, 'icc' | 'space'>): boolean {
  if (icc === undefined || space !== 'srgb' || icc.toString('latin1', colourSpace.from, colourSpace.to) !== 'RGB ') return false;
  // Its description is Latin or UTF-16.
  return !icc.toString('latin1').replaceAll('\0', '').includes('sRGB');
}
