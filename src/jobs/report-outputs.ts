import { getLocale } from 'numfmt';
import { z } from 'zod';

import { singleLine } from './single-line.ts';

export const reportFormats = ['csv', 'xlsx', 'json', 'ndjson', 'parquet', 'html', 'pdf'] as const;
export type ReportFormat = (typeof reportFormats)[number];

const output = <Format extends ReportFormat>(format: Format) => z.strictObject({ format: z.literal(format) });

const csvOutput = output('csv').extend({
  delimiter: z.enum([',', ';', '\t', '|']).optional().meta({ description: 'Default: a comma.' }),
  quote: z.enum(['minimal', 'all']).optional().meta({ description: 'Which fields stand in quotes. Default: those that need them.' }),
  bom: z.boolean().optional().meta({ description: 'Begins with a byte order mark, by which Excel knows UTF-8. Default: false.' }),
  lineEnd: z.enum(['crlf', 'lf']).optional().meta({ description: 'Default: `crlf`, as RFC 4180 says.' }),
  header: z.boolean().optional().meta({ description: 'Begins with the titles of the columns. Default: true.' }),
  formulas: z.enum(['guard', 'keep']).optional().meta({
    description:
      "Text that a spreadsheet would take for a formula gets `'` before it (`guard`, the default), or stays as it is, for programs.",
  }),
});
export type CsvOptions = Omit<z.infer<typeof csvOutput>, 'format'>;

/** Excel's rules, and no escape of OOXML. */
const sheetName = singleLine
  .min(1)
  .max(31)
  .regex(/^(?!')[^:\\/?*[\]]*(?<!')$/, "must not contain : \\ / ? * [ ], nor begin or end with '")
  .refine((name) => name.trim() === name && !/^history$/i.test(name), 'must not be "History", nor begin or end with a space');

const xlsxOutput = output('xlsx').extend({
  sheetName: sheetName.optional().meta({ description: 'Default: the title, as far as a sheet can have it for a name.' }),
  freezeHeader: z.boolean().optional().meta({ description: 'Whether the first row stays in sight. Default: true.' }),
  autoFilter: z.boolean().optional().meta({ description: 'Whether the header has buttons to filter and sort. Default: true.' }),
});
const jsonOutput = output('json');
const ndjsonOutput = output('ndjson');
const parquetOutput = output('parquet');
const pdfOutput = output('pdf');

/** The languages whose separators and names the number formats know. */
const knownLocale = (tag: string) => getLocale(tag) !== null;
const htmlOutput = output('html').extend({
  locale: z
    .string()
    .regex(/^[a-z]{2,3}(-[A-Z]{2})?$/, 'must be a language as in "de" or "de-CH"')
    .refine(knownLocale, 'is no language that number formats are known for')
    .optional()
    .meta({ description: 'Of the separators and the names of months in number formats that name none. Default: en.' }),
});

export const reportOutput = z.discriminatedUnion('format', [
  csvOutput,
  xlsxOutput,
  jsonOutput,
  ndjsonOutput,
  parquetOutput,
  htmlOutput,
  pdfOutput,
]);
export type ReportOutput = z.infer<typeof reportOutput>;
export type OutputOf<Format extends ReportFormat> = Extract<ReportOutput, { format: Format }>;

/** Written by the engine itself: their rows never pass through JavaScript. */
export type DirectOutput = OutputOf<'csv' | 'parquet'>;

export function isDirect(output: ReportOutput): output is DirectOutput {
  // The first field of a file without a header may have to be quoted where the engine would not.
  return output.format === 'parquet' || (output.format === 'csv' && output.header !== false);
}

export const reportOutputs = z
  .array(reportOutput)
  .min(1)
  .max(reportFormats.length)
  .refine((outputs) => new Set(outputs.map(({ format }) => format)).size === outputs.length, 'has the same format twice');
