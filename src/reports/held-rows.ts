import type { HeldRows } from '../../activities/report-table.ts';
import type { Cell } from '../jobs/report.ts';
import type { Engine } from './duckdb.ts';
import { rangeOf, rowGroupsOf, writtenParts } from './parts.ts';
import { literal, quoted } from './sql-text.ts';

export interface Held {
  engine: Engine;
  /** Of the Parquet file. */
  path: string;
  /** Names in the file, and types, in the order of `HeldRows.columns`. */
  columns: readonly { name: string; type: string }[];
  directory: string;
  signal: AbortSignal;
}

const heldName = (index: number) => `c${String(index)}`;

/** What the engine itself can write of an extract. @param first rows as cells */
export async function heldRows(
  { engine, path, columns, directory, signal }: Held,
  first: (count: number) => Promise<Cell[][]>,
): Promise<HeldRows | undefined> {
  const groups = await rowGroupsOf(engine, path);
  if (groups === undefined) return undefined;
  const full = await engine.connection.runAndReadAll(
    `select path_in_schema from parquet_metadata(${literal(path)}) group by 1 having bool_and(coalesce(stats_null_count, 1) = 0)`,
  );
  const neverNull = new Set(full.getRows().map(([name]) => name));
  const inner = columns.map(({ name }, index) => `${quoted(name)} as ${heldName(index)}`).join(', ');
  // No quotes, no escapes, and a delimiter that is in no row: the text as it is, each followed by LF.
  const plain = `(format csv, header false, quote '', escape '', delimiter '\u0001', use_tmp_file false)`;
  return {
    columns: columns.map(({ name, type }, index) => ({ sql: heldName(index), type, mayBeNull: !neverNull.has(name) })),
    first,
    write: (expression, every) =>
      writtenParts({
        ...{ engine, directory, signal, groups, every },
        statement(range, file) {
          const source = `select ${inner}, file_row_number + 1 as row, cast(file_row_number % ${String(every)} + 2 as varchar) as n
            from ${rangeOf(path, range)}`;
          return `copy (select ${expression} from (${source})) to ${literal(file)} ${plain}`;
        },
      }),
  };
}
