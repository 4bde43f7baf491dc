import type { HeldRows } from '../../activities/report-table.ts';
import type { Cell } from '../jobs/report.ts';
import { literal } from './sql-text.ts';
import { heldName, type RowGroup, type Writing, writesRows } from './written-rows.ts';

/** What the engine itself can write of an extract. @param types of the columns @param first rows as cells */
export async function heldRows(
  writing: Writing,
  types: readonly string[],
  first: (count: number) => Promise<Cell[][]>,
): Promise<HeldRows | undefined> {
  // Its rows could not be counted beside a column of that name.
  const { connection } = writing.engine;
  const file = literal(writing.path);
  const names = await connection.runAndReadAll(`select lower(name) from parquet_schema(${file})`);
  if (names.getRows().some(([name]) => name === 'file_row_number')) return undefined;
  const groups = await connection.runAndReadAll(
    `select any_value(row_group_num_rows), sum(total_uncompressed_size) from parquet_metadata(${file}) group by row_group_id order by row_group_id`,
  );
  const full = await connection.runAndReadAll(
    `select path_in_schema from parquet_metadata(${file}) group by 1 having bool_and(coalesce(stats_null_count, 1) = 0)`,
  );
  const neverNull = new Set(full.getRows().map(([name]) => name));
  const rowGroups = groups.getRows().map(([rows, bytes]): RowGroup => ({ rows: Number(rows), bytes: Number(bytes) / Number(rows) }));
  return {
    columns: writing.columns.map((name, index) => ({ sql: heldName(index), type: types[index] ?? '', mayBeNull: !neverNull.has(name) })),
    first,
    write: writesRows(writing, rowGroups),
  };
}
