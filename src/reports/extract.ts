import { createReadStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';

import type { Extract } from '../../activities/report.ts';
import { AppError } from '../errors.ts';
import type { BoundParameter } from '../jobs/report-query.ts';
import { checkedQuery } from './checked-query.ts';
import { type Engine, type EngineLimits, openEngine } from './duckdb.ts';
import { queryFailure, sourceFailure } from './engine-failure.ts';
import { excessOf } from './excess.ts';
import { bindParameters } from './parameters.ts';
import { forParquet } from './result-columns.ts';
import { literal, quoted } from './sql-text.ts';
import { unpackedTables } from './unpacked-tables.ts';
import { openWorkDirectory } from './work-directory.ts';

const lookMs = 500;
const ignored = () => undefined;

export interface ExtractLimits extends EngineLimits {
  maxRows: number;
  querySeconds: number;
}

/** Runs queries with DuckDB, each in a database and a directory below `root` of its own. */
export function createExtract(root: string, limits: ExtractLimits): Extract {
  return async ({ tables, query, signal, report }) => {
    const directory = await openWorkDirectory(root);
    const close = () => rm(directory, { recursive: true, force: true });
    try {
      const path = join(directory, 'result.parquet');
      const rows = await extracted(path, { directory, tables, query, signal, report });
      return { rows, bytes: createReadStream(path), close };
    } catch (error) {
      await close();
      throw error;
    }
  };

  async function extracted(
    path: string,
    { directory, tables, query, signal, report }: Parameters<Extract>[0] & { directory: string },
  ): Promise<number> {
    const files = await unpackedTables(directory, tables, signal, limits);
    const timeout = AbortSignal.timeout(limits.querySeconds * 1000);
    const stop = new AbortController();
    const engine = await openEngine(directory, limits);
    const either = AbortSignal.any([signal, timeout, stop.signal]);
    try {
      return await engine.interruptible(either, async () => {
        for (const file of files) await file.create(engine);
        await engine.seal([...files.map((file) => file.path), path]);
        const text = await checkedQuery(
          engine.connection,
          query?.sql ?? `select * from ${quoted(tables[0]?.name ?? '')}`,
          tables.map(({ name }) => name),
        );
        const watching = setInterval(() => {
          report(Math.max(0, Math.floor(engine.connection.progress.percentage)));
          void excessOf(path, directory, limits).then((problem) => {
            if (problem) stop.abort(problem);
          }, ignored);
        }, lookMs);
        try {
          return await writeResult(engine, { path, text, parameters: query?.parameters ?? [] });
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

  async function writeResult(
    { connection }: Engine,
    { path, text, parameters }: { path: string; text: string; parameters: BoundParameter[] },
  ): Promise<number> {
    const named = await connection.prepare(`select * from (${text}\n) limit 0`);
    bindParameters(named, parameters);
    const result = await named.stream();
    const types = result.columnTypes().map(String);
    const columns = result.columnNames().map((name, index) => forParquet({ name, type: types[index] ?? '' }));
    // One more than allowed, to tell a full result from one that is cut off.
    const bounded = `select ${columns.join(', ')} from (${text}\n) limit ${String(limits.maxRows + 1)}`;
    const copy = await connection.prepare(`copy (${bounded}) to ${literal(path)} (format parquet, compression zstd)`);
    bindParameters(copy, parameters);
    const rows = (await copy.run()).rowsChanged;
    if (rows > limits.maxRows) throw new AppError('query_too_large', `The query gives more than ${String(limits.maxRows)} rows.`);
    return rows;
  }
}
