import { describe, expect, test } from '@jest/globals';

import { reportOutput, reportOutputs } from '../../../src/jobs/report-outputs.ts';

describe('an output of a report', () => {
  test.each(['en', 'de', 'de-CH'])('is taken with the language %s', (locale) => {
    expect(reportOutput.parse({ format: 'html', locale })).toEqual({ format: 'html', locale });
  });

  test.each([
    ['a language that no number formats are known for', { format: 'html', locale: 'xx-YY' }, ['locale']],
    ['what is no tag of a language', { format: 'html', locale: 'de_DE' }, ['locale']],
    ['a name that no sheet can have', { format: 'xlsx', sheetName: 'History' }, ['sheetName']],
  ])('is refused with %s', (_what, output, path) => {
    expect(reportOutput.safeParse(output).error?.issues).toMatchObject([{ path }]);
  });

  test('comes once for each format', () => {
    expect(reportOutputs.safeParse([{ format: 'csv' }, { format: 'csv', bom: true }]).success).toBe(false);
  });
});
