import { z } from 'zod';

import { numberFormat } from './number-format.ts';
import { singleLine } from './single-line.ts';

export const columnTypes = ['text', 'number', 'date', 'datetime', 'boolean', 'link'] as const;
export type ColumnType = (typeof columnTypes)[number];

export const columnTotals = ['sum', 'average', 'count', 'min', 'max'] as const;
export type ColumnTotal = (typeof columnTotals)[number];

export const reportColumn = z
  .strictObject({
    name: z
      .string()
      .min(1)
      .max(255)
      .meta({ description: 'Of the column in the source or in the result of the query.', examples: ['total'] }),
    title: singleLine.min(1).max(255).optional().meta({ description: 'What readers see. Default: the name.' }),
    type: z
      .enum(columnTypes)
      .optional()
      .meta({ description: 'How it is shown where a format tells kinds apart. Default: as in the data.' }),
    format: numberFormat.optional().meta({
      description:
        'A number format code as in spreadsheets, for XLSX, HTML and PDF: `#,##0.00`, `0.0%`, `yyyy-mm-dd`, `[$€-407] #,##0.00`.',
    }),
    width: z.number().min(1).max(255).optional().meta({ description: 'In characters, as in spreadsheets. Default: fits the first rows.' }),
    align: z.enum(['left', 'center', 'right']).optional().meta({ description: 'Default: numbers right, all else left.' }),
    total: z.enum(columnTotals).optional().meta({ description: 'Stands below the last row, in XLSX, HTML and PDF.' }),
  })
  .meta({ id: 'ReportColumn' });
export type ReportColumn = z.infer<typeof reportColumn>;

export const reportColumns = z
  .array(reportColumn)
  .min(1)
  .max(1_000)
  .refine((columns) => new Set(columns.map(({ name }) => name)).size === columns.length, 'has the same name twice')
  .meta({ description: 'Which columns, in which order, and how they look. Default: all, as they come.' });

/** What the values of a column are: text in JavaScript stands for all but numbers and booleans. */
export type ColumnKind =
  /** Anything, each value as it is. */
  | 'mixed'
  | 'text'
  /** Numbers; those that a double can't keep are numerals as text. */
  | 'number'
  | 'boolean'
  /** `2026-01-31` */
  | 'date'
  /** `2026-01-31 12:00:00[.ffffff]` */
  | 'datetime'
  /** The same with `Z`. */
  | 'instant'
  /** `12:00:00[.ffffff]` */
  | 'time'
  /** Text that is JSON. */
  | 'json'
  /** Base 64. */
  | 'bytes';

/** A column of a table that is written. */
export interface TableColumn extends Omit<ReportColumn, 'title'> {
  title: string;
  kind: ColumnKind;
}
