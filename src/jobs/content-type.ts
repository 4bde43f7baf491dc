import { invalid } from '../errors.ts';

const untold = new Set(['', 'application/octet-stream', 'binary/octet-stream']);
/** Other names in use, and how the bytes are named. */
const aliases: Partial<Record<string, string>> = {
  'image/jpg': 'image/jpeg',
  'image/pjpeg': 'image/jpeg',
  'image/x-png': 'image/png',
  'image/apng': 'image/png',
  'image/vnd.microsoft.icon': 'image/x-icon',
};
/** RFC 6838, 4.2. What is no type of this form would not fit into a header. */
const mediaType = /^[a-z0-9][a-z0-9!#$&^_.+-]{0,126}\/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}$/;

/** HEIF files name their brand; clients name any of them. */
const kindOf = (type: string | undefined) => type?.replace(/^image\/hei[cf](-sequence)?$/, 'image/heif');

/** What a file is said to be, by the one name that its bytes would have; undefined when that says nothing. */
export function declaredTypeOf(declaredType: string | undefined): string | undefined {
  const given = declaredType?.split(';')[0]?.trim().toLowerCase() ?? '';
  const declared = mediaType.test(given) ? (aliases[given] ?? given) : '';
  return untold.has(declared) ? undefined : declared;
}

/**
 * What bytes are, by themselves first. Where either side says "image" both must agree: an image under a false name is
 * how a filter is passed or a decoder is reached.
 *
 * @param pointer to what was declared, in the request.
 * @throws AppError `content_type_mismatch`.
 */
export function contentTypeOf(declaredType: string | undefined, sniffed: string | undefined, pointer: string): string {
  const declared = declaredTypeOf(declaredType);
  if (declared === undefined) return sniffed ?? 'application/octet-stream';
  // What a part is that names no type (RFC 7578, 4.4): many clients send pictures so.
  if (declared === 'text/plain') return sniffed ?? declared;
  const imageByName = declared.startsWith('image/') && declared !== 'image/svg+xml';
  if ((imageByName || sniffed?.startsWith('image/')) && kindOf(declared) !== kindOf(sniffed))
    throw invalid(pointer, `declared as ${declared}, but the bytes are ${sniffed ?? 'no known image'}`, 'content_type_mismatch');
  return sniffed ?? declared;
}
