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

/** What COPY is to copy, and how. @throws AppError `query_invalid` for a column that is not there */
export async function rowsCopy(
  connection: DuckDBConnection,
  { text, bind, output, columns }: CopiedRows,
): Promise<{ select: string; options: string; empty?: string }> {
  const columnsOf = async (sql: string): Promise<Column[]> => {
    const statement = await connection.prepare(`select * from (${sql}\n) limit 0`);
    bind(statement);
    const result = await statement.stream();
    const types = result.columnTypes().map(String);
    return result.columnNames().map((name, index) => ({ name, type: types[index] ?? '' }));
  };
  // First as an extract would hold them, so that a file is the same whether there is an extract between or not.
  const kept = `select ${(await columnsOf(text)).map(forParquet).join(', ')} from (${text}\n)`;
  if (output.format === 'parquet' && columns === undefined)
    return { select: kept, options: parquetOptions((await columnsOf(kept)).length) };
  const shown = shownColumns(await columnsOf(kept), columns);
  const plan: CopyPlan =
    output.format === 'csv'
      ? csvCopy(shown, output)
      : { expressions: shown.map(({ column }) => quoted(column.name)), options: parquetOptions(shown.length) };
  return { ...plan, select: `select ${plan.expressions.join(', ')} from (${kept})` };
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
