import { isValidFormat, tokenize } from 'numfmt';

import { singleLine } from './single-line.ts';

/** Spreadsheets take a letter that stands bare and means nothing for a broken file. */
const bareLetters = (code: string) => tokenize(code).some(({ type, raw }) => type === 'char' && /\p{L}/u.test(raw));

const isNumberFormat = (code: string): boolean => {
  try {
    return isValidFormat(code) && !bareLetters(code);
  } catch {
    return false;
  }
};

/** As in the dialogue "format cells" of a spreadsheet. */
export const numberFormat = singleLine
  .min(1)
  .max(100)
  .refine(isNumberFormat, { error: 'is no number format of spreadsheets; other text stands in it within quotes: `0.0 "kg"`' });
