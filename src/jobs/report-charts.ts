import { z } from 'zod';

import { singleLine } from './single-line.ts';

const chartTypes = ['bar', 'line', 'area', 'pie', 'scatter'] as const;

const columnName = z.string().min(1).max(255);

export const reportChart = z
  .strictObject({
    type: z.enum(chartTypes),
    title: singleLine.min(1).max(200).optional(),
    x: columnName.meta({ description: 'The column of the categories, slices or positions.', examples: ['month'] }),
    y: z
      .array(columnName)
      .min(1)
      .max(8)
      .meta({ description: 'Columns of numbers, each a series of its own.', examples: [['total']] }),
    stacked: z.boolean().optional().meta({ description: 'Of `bar` and `area`: series stand on one another.' }),
  })
  .refine(({ type, y }) => type !== 'pie' || y.length === 1, { path: ['y'], error: 'a pie has one column of numbers' })
  .refine(({ type, stacked }) => stacked !== true || type === 'bar' || type === 'area', {
    path: ['stacked'],
    error: 'is for bar and area only',
  })
  .meta({ id: 'ReportChart', description: 'A chart over the rows of the report, in PDF and HTML. Rows of the same `x` are added up.' });
export type ReportChart = z.infer<typeof reportChart>;

export const reportCharts = z.array(reportChart).min(1).max(10).meta({ description: 'Above the table, in PDF and HTML.' });
