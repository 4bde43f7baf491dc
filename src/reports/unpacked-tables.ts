import { join } from 'node:path';

import type { TableBytes } from '../../activities/report-ports.ts';
import { AppError, type ErrorCode } from '../errors.ts';
import type { Engine, EngineLimits } from './duckdb.ts';
import type { SourceFile } from './engine-failure.ts';
import { createRowTable } from './row-table.ts';
import { linkedParquet } from './linked-parquet.ts';
import { createTable } from './tables.ts';
import { createTypedTable, writeTypedRows } from './typed-rows.ts';
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
    const inSource = <T>(work: Promise<T>) => work.catch((error: unknown): never => { signal.throwIfAborted(); throw named(error, name); }); // prettier-ignore
    if ('link' in table && table.format === 'parquet' && (await linkedParquet(table.link, path))) {
      unpacked.push({ name, path, create: ({ connection }) => inSource(createTable(connection, { ...table, path })) });
      continue;
    }
    const content = 'remote' in table ? await inSource(table.remote(signal)) : { ...table, bytes: table.bytes() };
    if ('batches' in content) {
      const { columns } = content;
      const types = await inSource(writeTypedRows(path, content, { budget, signal })).finally(content.close);
      unpacked.push({ name, path, create: ({ connection }) => createTypedTable(connection, { name, path, columns, types }) });
      continue;
    }
    const { bytes, format, csv } = content;
    await inSource(unpackSource(bytes, path, { format, encoding: csv?.encoding, budget, signal }));
    unpacked.push({ name, path, create: ({ connection }) => inSource(createTable(connection, { name, path, format, csv })) });
  }
  return unpacked;
}

const fromSources = new Set<ErrorCode>([
  'source_unreadable',
  'query_invalid',
  'query_timeout',
  'query_too_large',
  'data_source_unreachable',
  'data_source_configuration',
]);

/** With several tables somebody must know which. */
function named(error: unknown, name: string): unknown {
  return error instanceof AppError && fromSources.has(error.code)
    ? new AppError(error.code, `${name}: ${error.message}`, { retryable: error.retryable, cause: error.cause })
    : error;
}
