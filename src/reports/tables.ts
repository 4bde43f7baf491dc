import type { DuckDBConnection } from '@duckdb/node-api';

import type { CsvDialect, SourceFormat } from '../jobs/report-sources.ts';
import { csvColumnsOf } from './csv-columns.ts';
import { guessedKinds, typesIn } from './csv-types.ts';
import { literal, quoted } from './sql-text.ts';
import { longestRow } from './unpack-source.ts';

/** A row must fit; the usual sixteen rows of the longest kind are 100 MB more for a process. */
const csvBuffer = 2 * longestRow.csv;

/** Makes a source, unpacked to `path`, a table of the engine: read anew by each query, never as a whole in memory. */
export async function createTable(
  connection: DuckDBConnection,
  { name, path, format, csv = {} }: { name: string; path: string; format: SourceFormat; csv?: CsvDialect | undefined },
): Promise<void> {
  const rows = format === 'csv' ? await csvRows(connection, path, csv) : reader(format, path);
  await connection.run(`create view ${quoted(name)} as select * from ${rows}`);
}

function reader(format: Exclude<SourceFormat, 'csv'>, path: string): string {
  if (format === 'parquet') return `read_parquet(${literal(path)})`;
  const layout = format === 'ndjson' ? 'newline_delimited' : 'auto';
  // The types of all rows, not of the first ones.
  return `read_json(${literal(path)}, format = '${layout}', sample_size = -1, maximum_object_size = ${String(longestRow.ndjson)})`;
}

async function csvRows(connection: DuckDBConnection, path: string, dialect: CsvDialect): Promise<string> {
  const { delimiter, header, columns, sample } = await csvColumnsOf(path, dialect);
  // Nothing is left to be found out: with a broken line in the file that would go wrong in silence.
  const read = (types: string[]) => {
    const typed = columns.map((column, index) => `${literal(column)}: ${literal(types[index] ?? 'VARCHAR')}`).join(', ');
    return (
      `read_csv(${literal(path)}, auto_detect = false, header = ${String(header)}, delim = ${literal(delimiter)}, quote = '"', escape = '"', ` +
      `max_line_size = ${String(longestRow.csv)}, buffer_size = ${String(csvBuffer)}, columns = {${typed}})`
    );
  };
  const text = read([]);
  if (dialect.types === 'text') return text;
  return read(await typesIn(connection, text, columns, guessedKinds(columns, sample)));
}
