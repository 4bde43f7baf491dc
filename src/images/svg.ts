import { AppError } from '../errors.ts';

/** What reaches outside of the file, multiplies it, or runs: a drawing needs none of it. */
const refused: [RegExp, string][] = [
  [/<!ENTITY/i, 'it declares entities'],
  [/<!DOCTYPE[^>]*\[/i, 'it declares entities'],
  [/<\?xml-stylesheet/i, 'it refers to another file'],
  [/<(?:\w+:)?(?:script|foreignObject|iframe|handler)\b/i, 'it holds a script or a page'],
  [
    /\bhref\s*=\s*(?:"\s*(?!#|data:image\/(?:png|jpeg|gif|webp);)[^"\s]|'\s*(?!#|data:image\/(?:png|jpeg|gif|webp);)[^'\s])/i,
    'it refers to another file',
  ],
  [/url\(\s*["']?\s*(?!#|["'\s)])/i, 'it refers to another file'],
  [/@import/i, 'it refers to another file'],
];

/**
 * libvips follows no reference from a buffer; refusing what has one keeps it so, and does not make half a picture.
 * @throws AppError `image_unreadable`.
 */
export function assertPlainSvg(bytes: Buffer): void {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new AppError('image_unreadable', "The picture can't be decoded: the SVG is not UTF-8.", { cause });
  }
  // Within an opening tag <a href> is a link that nobody follows here; it is refused with the others.
  const [, why] = refused.find(([pattern]) => pattern.test(text)) ?? [];
  if (why !== undefined) throw new AppError('image_unreadable', `The SVG is not drawn: ${why}.`);
}
