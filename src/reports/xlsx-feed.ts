import { setImmediate } from 'node:timers/promises';

import type { HeldRows, Table, WrittenRows } from '../../activities/report-table.ts';
import type { Cell } from '../jobs/report.ts';
import { batchSize, checkRow } from './rows.ts';
import { rowXml } from './xlsx-cells.ts';
import type { SheetColumn } from './xlsx-columns.ts';
import type { SheetLinks } from './xlsx-links.ts';
import { refusedCell, rowExpression } from './xlsx-sql.ts';
import { sampleSize } from './xlsx-widths.ts';

/** "Excel specifications and limits" in Microsoft's documentation. */
export const maxTextLength = 32_767;

/** Rows as XML, one sheet after the other. */
export interface RowFeed {
  /** The first rows. They come again. */
  sample: Cell[][];
  more: () => Promise<boolean>;
  /** Rows of the next sheet, `every` at most. @returns how many */
  sheet: (links: SheetLinks) => AsyncGenerator<Uint8Array | string, number>;
  close: () => Promise<void>;
}

/** @param every rows of a full sheet, without its header */
export async function rowFeed(
  table: Pick<Table, 'columns' | 'rows' | 'held'>,
  columns: readonly SheetColumn[],
  every: number,
): Promise<RowFeed> {
  const { held } = table;
  const expression = held && rowExpression(columns, held.columns, maxTextLength);
  return expression === undefined || held === undefined ? cellFeed(table, columns, every) : writtenFeed(held, expression, columns, every);
}

/** Row by row. */
async function cellFeed(
  { rows, columns: plain }: Pick<Table, 'columns' | 'rows'>,
  columns: readonly SheetColumn[],
  every: number,
): Promise<RowFeed> {
  const source = rows[Symbol.asyncIterator]();
  const ahead: Cell[][] = [];
  let number = 0;
  const take = async (): Promise<Cell[] | undefined> => {
    const next = await source.next();
    if (next.done === true) return undefined;
    checkRow(next.value, plain, ++number, maxTextLength);
    return next.value;
  };
  const close = async () => {
    await source.return?.();
  };
  const fill = async (count: number) => {
    while (ahead.length < count) {
      const row = await take();
      if (row === undefined) return;
      ahead.push(row);
    }
  };
  try {
    await fill(sampleSize);
  } catch (error) {
    await close();
    throw error;
  }
  // The first rows are taken from the end of a list turned round.
  const sample = [...ahead];
  ahead.reverse();
  return {
    sample,
    async more() {
      await fill(1);
      return ahead.length > 0;
    },
    async *sheet(links) {
      let [batch, done] = ['', 0];
      while (done < every) {
        const row = ahead.pop() ?? (await take());
        if (row === undefined) break;
        done += 1;
        batch += rowXml(row, done + 1, columns, links.add);
        if (batch.length < batchSize) continue;
        yield batch;
        batch = '';
        await setImmediate();
      }
      yield batch;
      return done;
    },
    close,
  };
}

/** As the engine writes them. */
async function writtenFeed(held: HeldRows, expression: string, columns: readonly SheetColumn[], every: number): Promise<RowFeed> {
  const sample = await held.first(sampleSize);
  const parts = held.write(expression, every)[Symbol.asyncIterator]();
  const taken = async (): Promise<WrittenRows | undefined> => {
    try {
      const next = await parts.next();
      return next.done === true ? undefined : next.value;
    } catch (error) {
      throw refusedCell(error, columns, maxTextLength) ?? error;
    }
  };
  let ahead: WrittenRows | undefined;
  return {
    sample,
    async more() {
      ahead ??= await taken();
      return ahead !== undefined;
    },
    async *sheet() {
      let done = 0;
      while (done < every) {
        const part = ahead ?? (await taken());
        ahead = undefined;
        if (part === undefined) break;
        yield* part.bytes;
        done += part.rows;
      }
      return done;
    },
    async close() {
      await parts.return?.();
    },
  };
}
