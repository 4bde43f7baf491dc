import { fileTypeFromBuffer } from 'file-type';

import type { ArchiveFormat } from '../jobs/file-checks.ts';

/**
 * MIME type that the first bytes prove; `undefined` when they prove none (plain text, CSV, unknown formats).
 * `head` is cut off where the file goes on: what needs more than that is told as its container, a workbook perhaps as `application/zip`.
 */
export async function provedType(head: Buffer): Promise<string | undefined> {
  // Hostile bytes may break a parser; that proves nothing, and is no reason to refuse the file.
  const guess = await fileTypeFromBuffer(head).catch(() => undefined);
  if (isText(head)) return isSvg(head) ? 'image/svg+xml' : textTypes.find((type) => type === guess?.mime);
  // An animated PNG is a PNG, and clients declare it so.
  if (guess?.mime === 'image/apng') return 'image/png';
  return guess?.mime ?? (isTiff(head) ? 'image/tiff' : undefined);
}

/** Two or three letters are all that marks some formats: a CSV that begins with "BMW" or "GIFT" must not become a picture. */
const textTypes = [
  'application/eps',
  'application/pdf',
  'application/pgp-encrypted',
  'application/postscript',
  'application/rtf',
  'application/xml',
  'text/calendar',
  'text/vcard',
  'text/vtt',
];

const encodings = new Map([
  ['fffe', 'utf-16le'],
  ['feff', 'utf-16be'],
]);

function isText(head: Buffer): boolean {
  const encoding = encodings.get(head.toString('hex', 0, 2)) ?? 'latin1';
  // eslint-disable-next-line no-control-regex -- control characters are what tells binary from text
  return !/[^\P{Cc}\t\n\f\r\u001b\u0080-\u009f]/u.test(new TextDecoder(encoding).decode(head));
}

function isSvg(head: Buffer): boolean {
  const firstElement = /<[a-z_][\w:.-]*/i.exec(head.toString('latin1'));
  return (
    firstElement !== null && /^<(?:\w+:)?svg$/.test(firstElement[0]) && /^(?:\u00ef\u00bb\u00bf)?\s*</.test(head.toString('latin1', 0, 256))
  );
}

/** Its directory may lie behind the head, where file-type gives up. */
function isTiff(head: Buffer): boolean {
  return ['49492a00', '4d4d002a'].includes(head.toString('hex', 0, 4));
}

/** Of the first bytes: a local header, the end of an empty archive, and one that was meant for several disks. */
const zipStarts = ['504b0304', '504b0506', '504b0708'];

const archiveTypes = new Map<string, ArchiveFormat>([
  ['application/gzip', 'gzip'],
  ['application/x-tar', 'tar'],
  ['application/x-7z-compressed', '7z'],
  ['application/x-rar-compressed', 'rar'],
  ['application/x-bzip2', 'bzip2'],
  ['application/x-xz', 'xz'],
  ['application/zstd', 'zstd'],
]);

/** Documents of offices, books and programs are ZIP archives, too, whatever their type is called. */
export function archiveFormat(head: Buffer, sniffedType: string | undefined): ArchiveFormat | undefined {
  return zipStarts.includes(head.toString('hex', 0, 4)) ? 'zip' : archiveTypes.get(sniffedType ?? '');
}
