import { z } from 'zod';

/** What would end a header line, in ASCII and Unicode; the rest of the C0 controls with it. */
// eslint-disable-next-line no-control-regex -- the control characters are the point
const oneLine = /^[^\u0000-\u001f\u007f\u0085\u2028\u2029]*$/;

export const singleLine = z.string().regex(oneLine, 'must not contain line breaks or control characters');

/** JSON can hold half a character (a surrogate without the other one), UTF-8 cannot. */
export const isWellFormed = (text: string) => !/\p{Cs}/u.test(text);

export const wellFormed = (text: z.ZodString) => text.refine(isWellFormed, 'must not contain half a character');
