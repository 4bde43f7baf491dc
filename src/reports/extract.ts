import { createReadStream } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import type { DuckDBPreparedStatement } from '@duckdb/node-api';

import type { Extract, WriteRows } from '../../activities/report-ports.ts';
import { AppError } from '../errors.ts';
import { checkedQuery } from './checked-query.ts';
import { type EngineLimits, openEngine } from './duckdb.ts';
import { queryFailure, sourceFailure } from './engine-failure.ts';
import { excessOf } from './excess.ts';
import { copiedInParts } from './csv-parts.ts';
import { bindParameters } from './parameters.ts';
import { partPaths, rowGroupsOf } from './parts.ts';
import { rowsCopy } from './rows-copy.ts';
import { literal, quoted } from './sql-text.ts';
import { unpackedTables } from './unpacked-tables.ts';
import { openWorkDirectory } from './work-directory.ts';

const lookMs = 500;
const ignored = () => undefined;

export interface ExtractLimits extends EngineLimits {
  maxRows: number;
  querySeconds: number;
}

/** Runs queries with DuckDB, each in a database and a directory below `root` of its own, and writes their rows to a file. */
export function createWriteRows(root: string, limits: ExtractLimits): WriteRows {
  return async (task) => {
    const directory = await openWorkDirectory(root);
    try {
      return await written({ ...task, directory }, limits);
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  };
}

/** The rows as Parquet, in a file that is removed when they are closed. */
export function createExtract(root: string, limits: ExtractLimits): Extract {
  return async (task) => {
    const directory = await openWorkDirectory(root);
    const close = () => rm(directory, { recursive: true, force: true });
    try {
      const path = join(directory, 'result.parquet');
      const rows = await written({ ...task, directory, path, output: { format: 'parquet' }, columns: undefined }, limits);
      return { rows, bytes: createReadStream(path), close };
    } catch (error) {
      await close();
      throw error;
    }
  };
}

const tooMany = ({ maxRows }: ExtractLimits) => new AppError('query_too_large', `The query gives more than ${String(maxRows)} rows.`);

type Writing = Parameters<WriteRows>[0] & { directory: string };

async function written({ directory, path, tables, query, signal, report, ...shape }: Writing, limits: ExtractLimits): Promise<number> {
  const files = await unpackedTables(directory, tables, signal, limits);
  const timeout = AbortSignal.timeout(limits.querySeconds * 1000);
  const stop = new AbortController();
  const [only] = query === undefined && tables.length === 1 ? tables : [];
  const inParts = shape.output.format === 'csv' && only !== undefined && 'bytes' in only && only.format === 'parquet';
  const engine = await openEngine(directory, inParts ? { ...limits, threads: 1 } : limits);
  const either = AbortSignal.any([signal, timeout, stop.signal]);
  try {
    return await engine.interruptible(either, async () => {
      for (const file of files) await file.create(engine);
      await engine.seal([...files.map((file) => file.path), path, ...partPaths(directory)]);
      const text = await checkedQuery(
        engine.connection,
        query?.sql ?? `select * from ${quoted(tables[0]?.name ?? '')}`,
        tables.map(({ name }) => name),
      );
      const bind = (statement: DuckDBPreparedStatement) => {
        bindParameters(statement, query?.parameters ?? []);
      };
      const plan = await rowsCopy(engine.connection, { ...shape, text, bind });
      const source = inParts ? files[0]?.path : undefined;
      const groups = source === undefined ? undefined : await rowGroupsOf(engine, source);
      if (source !== undefined && groups !== undefined) {
        if (groups.reduce((sum, { rows }) => sum + rows, 0) > limits.maxRows) throw tooMany(limits);
        return copiedInParts({ engine, directory, signal: either, groups, source, path, plan, report }, limits);
      }
      const frame = plan.frame && `, prefix ${literal(plan.frame.head)}, suffix ${literal(plan.frame.newLine)}`;
      const copy = await engine.connection.prepare(
        `copy (${plan.selectFrom(text)}) to ${literal(path)} (${plan.options}${frame ?? ''}, use_tmp_file false)`,
      );
      bind(copy);
      const watching = setInterval(() => {
        report(Math.max(0, Math.floor(engine.connection.progress.percentage)));
        void excessOf(path, directory, limits).then((problem) => {
          if (problem) stop.abort(problem);
        }, ignored);
      }, lookMs);
      try {
        const rows = (await copy.run()).rowsChanged;
        if (rows > limits.maxRows) throw tooMany(limits);
        // With a suffix, the last row has no line end of its own; without rows it would stand there all the same.
        if (rows === 0 && plan.frame !== undefined) await writeFile(path, plan.frame.head, { mode: 0o600 });
        return rows;
      } finally {
        clearInterval(watching);
      }
    });
  } catch (error) {
    signal.throwIfAborted();
    if (timeout.aborted) throw new AppError('query_timeout', `The query took longer than ${String(limits.querySeconds)} seconds.`);
    throw sourceFailure(error, files) ?? queryFailure(error, limits);
  } finally {
    engine.close();
  }
}
