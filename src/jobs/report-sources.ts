import { z } from 'zod';

import type { StoredFile } from './files.ts';

/** A finite number, a string, a boolean or nothing. */
export type Cell = string | number | boolean | null;

export const sourceFormats = ['csv', 'ndjson', 'json', 'parquet'] as const;
export type SourceFormat = (typeof sourceFormats)[number];

const delimiters = [',', ';', '\t', '|', ':', '~', '^'] as const;
const encodings = ['utf-8', 'utf-16le', 'utf-16be', 'windows-1252'] as const;

export const csvDialect = z
  .strictObject({
    delimiter: z.enum(delimiters).optional().meta({ description: 'Default: the one of `,` `;` tab `|` that the first line has most of.' }),
    encoding: z.enum(encodings).optional().meta({
      description: 'Default: as the byte order mark says, else UTF-8. Never guessed; Latin-1 is a part of `windows-1252`.',
    }),
    header: z.boolean().optional().meta({ description: 'Whether the first line names the columns (default); else they are `column1` ….' }),
    types: z.enum(['detect', 'text']).optional().meta({
      description: 'Whether columns whose every value is a number, date, time or boolean become such. Default: `detect`.',
    }),
  })
  .meta({ id: 'CsvDialect', description: 'How a CSV file is written. What is left out is found out.' });

export type CsvDialect = z.infer<typeof csvDialect>;

/** How SQL calls it. */
export const tableName = z
  .string()
  .regex(/^[A-Za-z_][A-Za-z0-9_]{0,62}$/, 'must be letters, digits and _, at most 63, and not begin with a digit')
  .meta({ description: 'The name of the table in `sql`.', examples: ['orders'] });

const fileFields = {
  format: z.enum(sourceFormats).optional().meta({ description: 'Default: as the content and the name of the file say, else CSV.' }),
  csv: csvDialect.optional(),
};

export const fileSource = z.strictObject({ fileId: z.string().max(100), ...fileFields }).meta({
  description: 'An uploaded file: CSV, NDJSON, JSON or Parquet, each also with gzip. The table `source` in `sql`.',
});

export const filesSource = z.strictObject({
  files: z
    .array(z.strictObject({ name: tableName, fileId: z.string().max(100), ...fileFields }))
    .min(1)
    .max(20)
    .refine((files) => new Set(files.map(({ name }) => name.toLowerCase())).size === files.length, 'has the same name twice')
    .meta({ description: 'Uploaded files as tables. Several need a `query`.' }),
});

export type FilesSource = z.infer<typeof filesSource>;

/** An uploaded file as a table. */
export interface FileTable {
  name: string;
  file: StoredFile;
  format: SourceFormat;
  csv?: CsvDialect;
}

/** One table of a query, as workflows and activities pass it on. */
export type TableSource =
  FileTable | { name: string; columns: string[]; rows: Cell[][] } | { name: string; columns: string[]; total: number; file: StoredFile };
