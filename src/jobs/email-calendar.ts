import { z } from 'zod';

import { isWellFormed } from './single-line.ts';

const calendarMethods = ['REQUEST', 'CANCEL', 'REPLY', 'PUBLISH'] as const;

/** RFC 5545, 3.1: lines, with the folding taken back. */
const linesOf = (content: string) =>
  content
    .replace(/\r\n?|\n/g, '\n')
    .replace(/\n[ \t]/g, '')
    .trimEnd()
    .split('\n');

function faultIn(content: string, method: string): string | undefined {
  // eslint-disable-next-line no-control-regex -- control characters are what must not be there (RFC 5545, 3.1)
  if (/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f\u0085\u2028\u2029]/.test(content) || !isWellFormed(content))
    return 'has control characters';
  const lines = linesOf(content).map((line) => line.toUpperCase());
  const count = (start: string) => lines.filter((line) => line.startsWith(start)).length;
  if (lines[0] !== 'BEGIN:VCALENDAR' || lines.at(-1) !== 'END:VCALENDAR' || count('BEGIN:VCALENDAR') + count('END:VCALENDAR') !== 2)
    return 'must be one VCALENDAR (RFC 5545)';
  const methods = lines.filter((line) => /^METHOD[:;]/.test(line));
  return methods.length === 1 && methods[0] === `METHOD:${method}` ? undefined : `must have METHOD:${method} once (RFC 6047)`;
}

export const calendarPart = z
  .strictObject({ method: z.enum(calendarMethods), content: z.string().max(200_000) })
  .superRefine(({ method, content }, context) => {
    const fault = faultIn(content, method);
    if (fault !== undefined) context.addIssue({ code: 'custom', message: fault, path: ['content'] });
  })
  .meta({ description: 'An invitation (RFC 5545), sent as an alternative of the text and as a file (RFC 6047).' });
