import { readFile, writeFile } from 'node:fs/promises';
import type { Metadata, Sharp } from 'sharp';
import sharp from 'sharp';

import { AppError } from '../errors.ts';
import type { ImageColours, ImageFacts, VariantRequest } from '../jobs/upload.ts';
import { isWideProfile } from './colour-profile.ts';
import { formatOf, isDecoded } from './decodable.ts';
import { variantOf } from './encoding.ts';
import { cameraFacts } from './exif.ts';
import { decodeSize, type Size } from './geometry.ts';
import { openHeic } from './heic.ts';
import { type Made, type Order, sourceIn, variantIn } from './orders.ts';
import { coloursOf, placeholderSide } from './picture-facts.ts';
import { assertPlainSvg } from './svg.ts';

/** An animation of more frames is not kept as one. */
const maxFrames = 1_000;

/** Settings of libvips for the whole process, which is one that only decodes. */
export function prepareDecoder(): void {
  sharp.cache(false);
  // Parallelism comes from several decoders; one thread each also keeps output the same from run to run.
  sharp.concurrency(1);
  // Whatever gets past the signatures: no PDF or other loader is there to be reached.
  sharp.block({ operation: ['VipsForeignLoad'] });
  sharp.unblock({ operation: ['Jpeg', 'Png', 'Nsgif', 'Webp', 'Heif', 'Tiff', 'Svg'].map((loader) => `VipsForeignLoad${loader}`) });
}

/** A picture whose header was read. */
interface Picture extends Size {
  facts: ImageFacts;
  size: number;
  /** Upright, in sRGB. */
  open: (pages: number) => Sharp | Promise<Sharp>;
  /** Its colours mean something else than sRGB, as its profile says: variants keep both. */
  hasOwnColours: boolean;
}

async function openPicture({ directory, contentType, maxPixels }: Order): Promise<Picture | null> {
  const bytes = await readFile(sourceIn(directory));
  const size = bytes.length;
  const format = formatOf(bytes, contentType);
  if (format === undefined || (format !== 'svg' && !(await isDecoded(bytes)))) return null;
  if (format === 'heic') {
    const { width, height, open } = await openHeic(bytes, maxPixels);
    return { width, height, size, open, hasOwnColours: false, facts: { format, width, height, pages: 1, hasAlpha: false } };
  }
  if (format === 'svg') assertPlainSvg(bytes);
  const open = (pages: number) =>
    sharp(bytes, { limitInputPixels: maxPixels, failOn: 'error', sequentialRead: true, pages, autoOrient: true });
  const header = await open(1).metadata();
  const { width, height } = header.autoOrient;
  return { width, height, size, open, hasOwnColours: isWideProfile(header), facts: { format, width, height, ...furtherFacts(header) } };
}

function furtherFacts({ pages = 1, hasAlpha, exif }: Metadata): Omit<ImageFacts, 'format' | 'width' | 'height'> {
  const camera = cameraFacts(exif);
  return { pages, hasAlpha, ...(camera && { camera }) };
}

/** From the header alone; a picture that is broken further on shows in `render`. null: not an image that is decoded. */
export async function inspect(order: Order): Promise<ImageFacts | null> {
  return (await openPicture(order))?.facts ?? null;
}

/** Decodes once, at the size of the largest variant, and makes each variant a file. */
export async function render(order: Order, variants: VariantRequest[], tell: (made: Made) => void): Promise<ImageColours> {
  const picture = await openPicture(order);
  if (picture === null) throw new AppError('image_unreadable', 'The file is not an image of a type that is decoded.');
  const still = variants.filter((variant) => !isKeptAnimation(picture, variant));
  const base = decodeSize(picture, still, placeholderSide);
  const upright = await decodedOnce((await picture.open(1)).resize({ ...base, fit: 'fill' }), picture);
  for (const [index, variant] of variants.entries()) {
    const source = isKeptAnimation(picture, variant) ? await animation(picture, order.maxPixels) : upright();
    const made = await variantOf(source, picture, variant).toBuffer({ resolveWithObject: true });
    const smaller = variant.onlyIfSmaller !== true || made.data.length < picture.size;
    if (smaller) await writeFile(variantIn(order.directory, index), made.data, { mode: 0o600 });
    const height = made.info.pageHeight ?? made.info.height;
    tell({ index, width: made.info.width, height, bytes: smaller ? made.data.length : null });
  }
  return coloursOf(upright('as sRGB'));
}

/** Each call begins another variant. */
async function decodedOnce(decoded: Sharp, { hasOwnColours }: Picture): Promise<(colours?: 'as sRGB') => Sharp> {
  if (hasOwnColours) {
    const kept = await decoded.keepIccProfile().tiff({ compression: 'none' }).toBuffer();
    const open = () => sharp(kept, { limitInputPixels: false });
    return (colours) => (colours === undefined ? open().keepIccProfile() : open());
  }
  const { data, info } = await decoded.raw().toBuffer({ resolveWithObject: true });
  const raw = { width: info.width, height: info.height, channels: info.channels };
  return () => sharp(data, { raw, limitInputPixels: false });
}

function isKeptAnimation({ facts }: Picture, { animated, format }: VariantRequest): boolean {
  return animated === 'keep' && format === 'webp' && (facts.pages ?? 1) > 1 && (facts.format === 'gif' || facts.format === 'webp');
}

function animation({ facts: { pages = 1 }, width, height, open }: Picture, maxPixels: number): Sharp | Promise<Sharp> {
  if (pages > maxFrames) throw new AppError('image_too_large', `The animation has more than ${String(maxFrames)} frames.`);
  // Of all frames together, before any is decoded.
  if (pages * width * height > maxPixels)
    throw new AppError('image_too_large', `The frames of the animation have more than ${String(maxPixels)} pixels together.`);
  return open(-1);
}
