import type { TotalValue } from '../../activities/report-table.ts';
import type { ColumnTotal } from '../jobs/report-columns.ts';
import { numberCell, styled, textCell } from './xlsx-cells.ts';
import type { SheetColumn } from './xlsx-columns.ts';
import { serialOf, serialOfTime } from './serial-dates.ts';

/** Of SUBTOTAL, those that leave out what a filter hides. */
const functions: Record<ColumnTotal, number> = { average: 101, count: 103, max: 104, min: 105, sum: 109 };

interface TotalsRow {
  columns: readonly SheetColumn[];
  totals: readonly (TotalValue | null)[];
  /** Of the sheet, from 1. */
  number: number;
  /** Whether the rows of all columns are on this sheet: a formula can't count those of others. */
  whole: boolean;
  labelStyle: number;
}

/** The row of totals: formulas that follow the filter, with the exact value that we know. */
export function totalsXml({ columns, totals, number, whole, labelStyle }: TotalsRow): string {
  const row = String(number);
  const cells = columns.map((one, index) => {
    const { letters, totalStyle, column } = one;
    const total = totals[index] ?? null;
    if (total === null) {
      const label = index === 0 ? (whole ? 'Total' : 'Total of all sheets') : '';
      return `<c r="${letters}${row}"${label === '' ? `${styled(labelStyle)}>` : textCell(label, labelStyle)}</c>`;
    }
    const value = valueOf(total, one);
    if (value === null) return `<c r="${letters}${row}"${styled(totalStyle)}></c>`;
    if (typeof value !== 'number') return `<c r="${letters}${row}"${textCell(String(value), totalStyle)}</c>`;
    const formula = `<f>SUBTOTAL(${String(functions[column.total ?? 'sum'])},${letters}2:${letters}${String(number - 1)})</f>`;
    const cell = numberCell(value, totalStyle);
    return `<c r="${letters}${row}"${whole && total.recountable && number > 2 ? cell.replace('><v>', `>${formula}<v>`) : cell}</c>`;
  });
  return `<row r="${row}">${cells.join('')}</row>`;
}

function valueOf({ value }: TotalValue, { shape }: SheetColumn): TotalValue['value'] {
  if (typeof value !== 'string') return value;
  return (shape === 'date' ? serialOf(value) : shape === 'time' ? serialOfTime(value) : undefined) ?? value;
}
