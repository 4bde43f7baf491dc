import { z } from 'zod';

/** Text without what would end a header line, in ASCII and Unicode; the rest of the C0 controls with it. */
 
export const singleLine = z
  .string()
  .regex(/^[^\u0000-\u001f\u007f\u0085\u2028\u2029]*$/, 'must not contain line breaks or control characters');
