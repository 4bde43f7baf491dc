import { fileTypeFromBuffer } from 'file-type';

export type DecodableFormat = 'jpeg' | 'png' | 'gif' | 'webp' | 'avif' | 'tiff' | 'heic' | 'svg';

export const signatureBytes = 12;

/** Over the first bytes as Latin-1. */
const signatures: [DecodableFormat, RegExp][] = [
  ['jpeg', /^\xff\xd8\xff/],
  ['png', /^\x89PNG\r\n/],
  ['gif', /^GIF8[79]a/],
  ['webp', /^RIFF.{4}WEBP/s],
  ['avif', /^.{4}ftypavi[fs]/s],
  ['heic', /^.{4}ftyp(?:hei[cx]|hev[cx]|mif1|msf1)/s],
  ['tiff', /^(?:II[*+]\0|MM\0[*+])/],
];

/** Camera raws carry the TIFF signature, and JPEG-LS that of JPEG; neither is decoded. */
const types = new Set([
  'image/jpeg',
  'image/png',
  'image/apng',
  'image/gif',
  'image/webp',
  'image/avif',
  'image/tiff',
  'image/heic',
  'image/heif',
  'image/heic-sequence',
  'image/heif-sequence',
]);

/** By its first bytes; undefined: none that is decoded. @param contentType what the store has found: only for text. */
export function formatOf(start: Buffer, contentType: string): DecodableFormat | undefined {
  const text = start.toString('latin1', 0, signatureBytes);
  if (contentType === 'image/svg+xml') return /^(?:\xef\xbb\xbf)?\s*(?:<|$)/.test(text) ? 'svg' : undefined;
  return signatures.find(([, signature]) => signature.test(text))?.[0];
}

/** @param bytes the whole file, of a format that is decoded by its first bytes. */
export async function isDecoded(bytes: Buffer): Promise<boolean> {
  const guess = await fileTypeFromBuffer(bytes).catch(() => undefined);
  // Without a guess the structure is broken: the decoder says how.
  return guess === undefined || types.has(guess.mime);
}
