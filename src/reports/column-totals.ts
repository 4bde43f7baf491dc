import type { TotalValue } from '../../activities/report-table.ts';
import { AppError } from '../errors.ts';
import type { TableColumn } from '../jobs/report-columns.ts';
import type { Cell } from '../jobs/report-sources.ts';
import type { Engine } from './duckdb.ts';
import { type Column, forCells } from './result-columns.ts';
import { shownName } from './rows.ts';
import { typed } from './source.ts';
import { quoted } from './sql-text.ts';

interface Asked {
  column: Column;
  shown: TableColumn;
}

/** @param asked all columns, those without a total, too @throws AppError `query_invalid` for a total that such a column can't have */
export async function columnTotals(
  engine: Engine,
  asked: readonly Asked[],
  signal: AbortSignal,
): Promise<(TotalValue | null)[] | undefined> {
  if (asked.every(({ shown }) => shown.total === undefined)) return undefined;
  const sums = asked.map((one, index) => (one.shown.total === undefined ? null : { ...sumOf(one, `t${String(index)}`), index }));
  const inner = sums.flatMap((sum) =>
    sum === null ? [] : [`${sum.inner} as t${String(sum.index)}, ${sum.texts} as x${String(sum.index)}`],
  );
  const outer = sums.flatMap((sum) => (sum === null ? [] : [sum.outer, `x${String(sum.index)} = 0`]));
  const query = `select ${outer.join(', ')} from (select ${inner.join(', ')} from extract)`;
  const result = await engine
    .interruptible(signal, () => engine.connection.runAndReadAll(query))
    .catch((error: unknown) => {
      if (!/Out of Range|overflow/i.test(String(error))) throw error;
      throw new AppError('query_invalid', 'A total is too large: it has more than 38 digits.');
    });
  const values = result.getRows()[0] ?? [];
  return sums.map((sum) => {
    if (sum === null) return null;
    const [value, recountable] = values.splice(0, 2);
    return { value: sum.read(typeof value === 'string' ? value : null), recountable: recountable === true };
  });
}

interface Sum {
  /** SQL over the rows. */
  inner: string;
  /** SQL for how many cells a spreadsheet would not count. */
  texts: string;
  /** SQL over the result of `inner`, as text. */
  outer: string;
  read: (text: string | null) => Cell;
}

/** Decimals and whole numbers are added exactly, doubles with what each addition loses. */
function sumOf({ column, shown: { total, kind, name } }: Asked, result: string): Sum {
  const { type } = column;
  const it = quoted(column.name);
  const floating = type === 'DOUBLE' || type === 'FLOAT';
  const outer = `cast(${result} as varchar)`;
  const exact = { outer, read: (text: string | null) => (text === null ? null : typed(text)) };
  const double = { outer, read: (text: string | null) => (text === null ? null : Number.isFinite(Number(text)) ? Number(text) : text) };
  const refuse = (why: string) =>
    new AppError('query_invalid', `Column ${shownName(name)} can't have the total "${String(total)}": ${why}.`);
  if (total === 'count') return { ...exact, inner: `count(${it})`, texts: `count(*) filter (where cast(${it} as varchar) = '')` };
  const texts = textCells(column);
  if (total === 'sum' || total === 'average') {
    if (kind !== 'number') throw refuse('it holds no numbers');
    const shortest = type === 'FLOAT' ? `cast(cast(${it} as varchar) as double)` : it;
    const sum = floating ? `fsum(${shortest})` : `sum(${it})`;
    if (total === 'sum') return { ...(floating ? double : exact), inner: sum, texts };
    return { ...double, inner: `cast(${sum} as double) / count(${it})`, texts };
  }
  if (kind === 'json' || kind === 'bytes' || kind === 'boolean') throw refuse('its values have no order');
  const as = kind === 'number' ? (floating ? double : exact) : { read: (text: string | null) => text };
  return {
    ...as,
    inner: `${String(total)}(${it})`,
    texts,
    outer: floating ? outer : `cast(${forCells({ name: result, type }).expression} as varchar)`,
  };
}

function textCells({ name, type }: Column): string {
  const it = quoted(name);
  const among = (condition: string) => `count(*) filter (where ${condition})`;
  if (/^(DATE|TIMESTAMP.*)$/.test(type)) return among(`not (isfinite(${it}) and ${it} >= '1900-03-01' and ${it} < '10000-01-01')`);
  if (type === 'TIME') return among(`${it} >= '24:00:00'`);
  const [digits = 0, scale = 0] = /^DECIMAL\((\d+),\s*(\d+)\)$/.exec(type)?.slice(1).map(Number) ?? (/BIGINT/.test(type) ? [20, 0] : []);
  if (digits > 15) return among(`abs(cast(${it} as double)) * 1e${String(scale)} >= 1e15`);
  return forCells({ name, type }).kind === 'number' ? '0' : among(`${it} is not null`);
}
