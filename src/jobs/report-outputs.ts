import { z } from 'zod';

export const reportFormats = ['csv', 'xlsx', 'json', 'ndjson', 'parquet', 'pdf'] as const;
export type ReportFormat = (typeof reportFormats)[number];

const output = <Format extends ReportFormat>(format: Format) => z.strictObject({ format: z.literal(format) });

export const csvOutput = output('csv');
export const xlsxOutput = output('xlsx');
export const jsonOutput = output('json');
export const ndjsonOutput = output('ndjson');
export const parquetOutput = output('parquet');
export const pdfOutput = output('pdf');

export const reportOutput = z.discriminatedUnion('format', [csvOutput, xlsxOutput, jsonOutput, ndjsonOutput, parquetOutput, pdfOutput]);
export type ReportOutput = z.infer<typeof reportOutput>;
export type OutputOf<Format extends ReportFormat> = Extract<ReportOutput, { format: Format }>;

export const reportOutputs = z
  .array(reportOutput)
  .min(1)
  .max(reportFormats.length)
  .refine((outputs) => new Set(outputs.map(({ format }) => format)).size === outputs.length, 'has the same format twice');
