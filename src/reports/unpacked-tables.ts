import { join } from 'node:path';

import type { TableBytes } from '../../activities/report.ts';
import { AppError } from '../errors.ts';
import type { Engine, EngineLimits } from './duckdb.ts';
import type { SourceFile } from './engine-failure.ts';
import { createRowTable } from './row-table.ts';
import { createTable } from './tables.ts';
import { unpackSource } from './unpack-source.ts';

const mebibyte = 1024 * 1024;

export interface UnpackedTable extends SourceFile {
  create(engine: Engine): Promise<void>;
}

/** Where the engine can read them, one after the other: each takes one stream, and all share one limit. */
export async function unpackedTables(
  directory: string,
  tables: readonly TableBytes[],
  signal: AbortSignal,
  { diskMb }: EngineLimits,
): Promise<UnpackedTable[]> {
  const budget = { limitMb: diskMb, left: diskMb * mebibyte };
  const unpacked: UnpackedTable[] = [];
  for (const [index, table] of tables.entries()) {
    const { name } = table;
    const path = join(directory, `source-${String(index)}`);
    if ('rows' in table) {
      unpacked.push({ name, path, create: ({ connection }) => createRowTable(connection, { ...table, path }) });
      continue;
    }
    const { format, csv } = table;
    const inSource = (work: Promise<void>) => work.catch((error: unknown) => { throw named(error, name); }); // prettier-ignore
    await inSource(unpackSource(table.bytes(), path, { format, encoding: csv?.encoding, budget, signal }));
    unpacked.push({ name, path, create: ({ connection }) => inSource(createTable(connection, { name, path, format, csv })) });
  }
  return unpacked;
}

/** With several files somebody must know which. */
function named(error: unknown, name: string): unknown {
  return error instanceof AppError && error.code === 'source_unreadable' ? new AppError(error.code, `${name}: ${error.message}`) : error;
}
