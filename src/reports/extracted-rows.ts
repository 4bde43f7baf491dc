import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';

import type { ReadExtract } from '../../activities/report-ports.ts';
import { AppError } from '../errors.ts';
import type { ReportColumn, TableColumn } from '../jobs/report-columns.ts';
import type { Cell } from '../jobs/report-sources.ts';
import { type EngineLimits, openEngine } from './duckdb.ts';
import { columnTotals } from './column-totals.ts';
import { heldRows } from './held-rows.ts';
import { partPaths } from './parts.ts';
import { type Column, type Carriage, forCells, forReading } from './result-columns.ts';
import { shownName } from './rows.ts';
import { typed } from './source.ts';
import { literal } from './sql-text.ts';
import { openWorkDirectory } from './work-directory.ts';

/** Reads back what `createExtract` wrote, some thousand rows at a time. */
export function createExtractReader(root: string, limits: EngineLimits): ReadExtract {
  return async (bytes, { numbers, columns: asked, signal }) => {
    const directory = await openWorkDirectory(root);
    const closing = [() => rm(directory, { recursive: true, force: true })];
    const close = async () => {
      for (const step of closing.splice(0).reverse()) await step();
    };
    try {
      const path = join(directory, 'extract.parquet');
      await pipeline(bytes, createWriteStream(path, { flags: 'wx', mode: 0o600 }), { signal });
      // Nothing is sorted or joined here: one thread keeps the order, and takes less memory. Parts are written at once all the same.
      const engine = await openEngine(directory, { ...limits, threads: 1 });
      closing.push(() => {
        engine.close();
        return Promise.resolve();
      });
      const { connection } = engine;
      await connection.run(`create view extract as select * from read_parquet(${literal(path)})`);
      await engine.seal([path, ...partPaths(directory)]);
      const described = await connection.runAndReadAll('select column_name, column_type from (describe extract)');
      const columns = shownColumns(
        described.getRows().map(([name, type]): Column => ({ name: String(name), type: String(type) })),
        asked,
      );
      const cells = columns.map(({ column }) => forCells(column));
      const shown = columns.map(({ shown }, index): TableColumn => ({ ...shown, kind: cells[index]?.kind ?? 'text' }));
      const rows = async function* (most?: number): AsyncGenerator<Cell[]> {
        const limit = most === undefined ? '' : ` limit ${String(most)}`;
        const result = await engine.interruptible(signal, () =>
          connection.stream(`select ${columns.map(({ column }) => forReading(column)).join(', ')} from extract${limit}`),
        );
        for (;;) {
          const chunk = await engine.interruptible(signal, () => result.fetchChunk());
          if (chunk === null || chunk.rowCount === 0) return;
          for (const row of chunk.getRows() as Cell[][]) yield row.map((value, index) => cellOf(value, cells[index]?.carriage, numbers));
        }
      };
      const first = async (count: number) => {
        const all: Cell[][] = [];
        for await (const row of rows(count)) all.push(row);
        return all;
      };
      const withShown = columns.map(({ column }, index) => ({ column, shown: shown[index] as TableColumn }));
      const totals = await columnTotals(engine, withShown, signal);
      const held = await heldRows({ engine, path, directory, signal, columns: columns.map(({ column }) => column) }, first);
      return { columns: shown, rows: rows(), close, ...(totals && { totals }), ...(held && { held }) };
    } catch (error) {
      await close();
      throw error;
    }
  };
}

export interface ShownColumn {
  column: Column;
  shown: Omit<TableColumn, 'kind'>;
}

/** @param asked default: all @throws AppError `query_invalid` for one that is not there */
export function shownColumns(columns: Column[], asked: ReportColumn[] = columns.map(({ name }) => ({ name }))): ShownColumn[] {
  const byName = new Map(columns.map((column) => [column.name, column]));
  return asked.map((one) => {
    const column = byName.get(one.name);
    if (column === undefined) throw new AppError('query_invalid', `There is no column ${shownName(one.name)} in the rows of the report.`);
    return { column, shown: { ...one, title: one.title ?? one.name } };
  });
}

/** Numerals that a double, and a spreadsheet, can't keep stay text. */
function cellOf(value: Cell, carriage: Carriage | undefined, numbers: boolean): Cell {
  return numbers && carriage === 'numeral' && typeof value === 'string' ? typed(value) : value;
}
