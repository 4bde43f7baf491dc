import type { DuckDBConnection, DuckDBPreparedStatement } from '@duckdb/node-api';

import type { ReportColumn } from '../jobs/report-columns.ts';
import type { DirectOutput } from '../jobs/report-outputs.ts';
import { type CopyPlan, csvCopy } from './csv-copy.ts';
import { shownColumns } from './extracted-rows.ts';
import { type Column, forParquet } from './result-columns.ts';
import { quoted } from './sql-text.ts';

export interface CopiedRows {
  /** Of the query, checked. */
  text: string;
  bind: (statement: DuckDBPreparedStatement) => void;
  output: DirectOutput;
  /** Default: all. */
  columns: ReportColumn[] | undefined;
}

export interface RowsCopy extends Omit<CopyPlan, 'expressions'> {
  /** @param text a query with the same columns */
  selectFrom: (text: string) => string;
}

/** What COPY is to copy, and how. @throws AppError `query_invalid` for a column that is not there */
export async function rowsCopy(connection: DuckDBConnection, { text, bind, output, columns }: CopiedRows): Promise<RowsCopy> {
  const columnsOf = async (sql: string): Promise<Column[]> => {
    const statement = await connection.prepare(`select * from (${sql}\n) limit 0`);
    bind(statement);
    const result = await statement.stream();
    const types = result.columnTypes().map(String);
    return result.columnNames().map((name, index) => ({ name, type: types[index] ?? '' }));
  };
  // First as an extract would hold them, so that a file is the same whether there is an extract between or not.
  const conversions = (await columnsOf(text)).map(forParquet).join(', ');
  const kept = (from: string) => `select ${conversions} from (${from}\n)`;
  const columnsKept = await columnsOf(kept(text));
  if (output.format === 'parquet' && columns === undefined) return { selectFrom: kept, options: parquetOptions(columnsKept.length) };
  const shown = shownColumns(columnsKept, columns);
  const { expressions, ...plan }: CopyPlan =
    output.format === 'csv'
      ? csvCopy(shown, output)
      : { expressions: shown.map(({ column }) => quoted(column.name)), options: parquetOptions(shown.length) };
  return { ...plan, selectFrom: (from) => `select ${expressions.join(', ')} from (${kept(from)})` };
}

const usualGroup = 122_880;
/** A group must be a multiple of this. */
const vector = 2_048;
/** Of one group: it is put together in memory. */
const mostCells = 1_000_000;

/** The wider the rows are, the fewer in a group. */
function parquetOptions(columns: number): string {
  const rows = Math.floor(mostCells / columns / vector) * vector;
  return `format parquet, compression zstd, row_group_size ${String(Math.max(vector, Math.min(usualGroup, rows)))}`;
}
