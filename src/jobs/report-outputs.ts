import { z } from 'zod';

export const reportFormats = ['csv', 'xlsx', 'json', 'ndjson', 'parquet'] as const;
export type ReportFormat = (typeof reportFormats)[number];

const output = <Format extends ReportFormat>(format: Format) => z.strictObject({ format: z.literal(format) });

export const csvOutput = output('csv').extend({
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
export const xlsxOutput = output('xlsx');
export const jsonOutput = output('json');
export const ndjsonOutput = output('ndjson');
export const parquetOutput = output('parquet');

export const reportOutput = z.discriminatedUnion('format', [csvOutput, xlsxOutput, jsonOutput, ndjsonOutput, parquetOutput]);
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
