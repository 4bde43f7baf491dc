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

/** As in its path. */
export const dataSourceName = /^[a-z0-9][a-z0-9._-]{0,63}$/;

/** How SQL calls it. */
const tableName = z
  .string()
  .regex(/^[A-Za-z_][A-Za-z0-9_]{0,62}$/, 'must be letters, digits and _, at most 63, and not begin with a digit')
  .meta({ description: 'The name of the table in `sql`.', examples: ['orders'] });

const fileFields = {
  format: z.enum(sourceFormats).optional().meta({ description: 'Default: as the content and the name of the file say, else CSV.' }),
  csv: csvDialect.optional(),
};

const cell = z.union([z.string().max(32_767), z.number(), z.boolean(), z.null()]);
const rows = z
  .array(z.record(z.string().min(1).max(255), cell))
  .min(1)
  .max(100_000);
const fileId = z.string().max(100);

export const rowsSource = z.strictObject({ rows: rows.meta({ description: 'The table `rows` in `sql`.' }) });

export const fileSource = z.strictObject({ fileId, ...fileFields }).meta({
  description: 'An uploaded file: CSV, NDJSON, JSON or Parquet, each also with gzip. The table `source` in `sql`.',
});

const differentNames = (tables: { name: string }[]) => new Set(tables.map(({ name }) => name.toLowerCase())).size === tables.length;

export const filesSource = z.strictObject({
  files: z
    .array(z.strictObject({ name: tableName, fileId, ...fileFields }))
    .min(1)
    .max(20)
    .refine(differentNames, 'has the same name twice')
    .meta({ description: 'Uploaded files as tables. Several need a `query`.' }),
});

export type FilesSource = z.infer<typeof filesSource>;

const parameters = z
  .record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,62}$/), z.union([z.string().max(2_000), z.number(), z.boolean(), z.null()]))
  .refine((values) => Object.keys(values).length <= 50, 'has more than 50 parameters')
  .optional();
const dataSource = z
  .string()
  .regex(dataSourceName, 'must be the name of a data source')
  .meta({ examples: ['crm'] });

const askedFields = {
  dataSource,
  sql: z.string().min(1).max(8_000).meta({ description: 'One SELECT, in the SQL of the data source. `$name` is a parameter.' }),
  parameters: parameters.meta({ description: 'Values by name. The driver binds them.' }),
};
const fetchedFields = {
  dataSource,
  path: z
    .string()
    .regex(/^\/(?!\/)[\x21-\x7e]{0,1999}$/, 'must begin with one /, and have no spaces')
    .meta({ description: 'Below the address of a data source of the kind `http`.', examples: ['/orders.csv?year=2026'] }),
  parameters: parameters.meta({ description: 'Added to the query of the address.' }),
  pointer: z
    .string()
    .max(500)
    .regex(/^(\/([^~/]|~[01])*)*$/, 'must be a JSON pointer')
    .optional()
    .meta({ description: 'To the array of objects within JSON (RFC 6901). Such an answer has at most 16 MiB.', examples: ['/data/items'] }),
  format: z.enum(sourceFormats).optional().meta({ description: 'Default: as the content type or the name says, else CSV.' }),
  csv: csvDialect.optional(),
};

export const askedSource = z.strictObject(askedFields).meta({
  description: 'What a query to a data source gives. The table `source` in `sql`.',
});
export const fetchedSource = z.strictObject(fetchedFields).meta({
  description: 'What a data source of the kind `http` answers: CSV, NDJSON or JSON. The table `source` in `sql`.',
});

export const tablesSource = z.strictObject({
  tables: z
    .array(
      z.union([
        z.strictObject({ name: tableName, ...askedFields }),
        z.strictObject({ name: tableName, ...fetchedFields }),
        z.strictObject({ name: tableName, fileId, ...fileFields }),
        z.strictObject({ name: tableName, rows }),
      ]),
    )
    .min(1)
    .max(20)
    .refine(differentNames, 'has the same name twice')
    .meta({ description: 'Tables from wherever they are. Several need a `query`, which may join them.' }),
});

export type AskedTable = z.infer<typeof tablesSource>['tables'][number];

/** An uploaded file as a table. */
export interface FileTable {
  name: string;
  file: StoredFile;
  format: SourceFormat;
  csv?: CsvDialect;
}

/** What a data source is asked for: by its name, since its address and secrets are no part of a job. */
export type RemoteTable = { name: string; dataSource: string; parameters: Record<string, Cell> } & (
  { sql: string } | { path: string; pointer?: string; format?: SourceFormat; csv?: CsvDialect }
);

/** One table of a query, as workflows and activities pass it on. */
export type TableSource =
  | FileTable
  | RemoteTable
  | { name: string; columns: string[]; rows: Cell[][] }
  | { name: string; columns: string[]; total: number; file: StoredFile };
