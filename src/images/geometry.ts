import type { VariantRequest } from '../jobs/upload.ts';

export interface Size {
  width: number;
  height: number;
}

type Box = Pick<VariantRequest, 'width' | 'height' | 'fit'>;

/** By how much a picture shrinks to fill the box of a variant, as its fit says; 1 where it would have to grow. */
function scaleOf(picture: Size, { width, height, fit = 'inside' }: Box): number {
  const across = width === undefined ? undefined : width / picture.width;
  const down = height === undefined ? undefined : height / picture.height;
  if (across === undefined || down === undefined) return Math.min(1, across ?? down ?? 1);
  return Math.min(1, fit === 'inside' || fit === 'contain' ? Math.min(across, down) : Math.max(across, down));
}

const scaled = ({ width, height }: Size, scale: number): Size => ({
  width: Math.max(1, Math.round(width * scale)),
  height: Math.max(1, Math.round(height * scale)),
});

/** The whole picture as a variant shows it, before anything is cut off or filled in. */
export function fitted(picture: Size, box: Box): Size {
  return scaled(picture, scaleOf(picture, box));
}

/** The smallest size that all variants can be made from without enlarging; at least `least` on its longer side, if it has that many. */
export function decodeSize(picture: Size, boxes: readonly Box[], least: number): Size {
  const floor = Math.min(1, least / Math.max(picture.width, picture.height));
  return scaled(picture, Math.max(floor, ...boxes.map((box) => scaleOf(picture, box))));
}
