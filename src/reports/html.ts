import { setImmediate } from 'node:timers/promises';

import type { Table } from '../../activities/report-table.ts';
import type { Cell } from '../jobs/report.ts';
import type { TableColumn } from '../jobs/report-columns.ts';
import type { OutputOf } from '../jobs/report-outputs.ts';
import { type CellText, cellText, usualLocale } from './cell-text.ts';
import { collectCharts } from './chart-points.ts';
import type { DrawingRoom } from './drawing-room.ts';
import { pageEnd, pageStart } from './html-page.ts';
import { escapeHtml } from './html-text.ts';
import { batchSize, checkRow } from './rows.ts';
import { totalLabels } from './total-labels.ts';
import { isNumeric, shapeOf } from './xlsx-columns.ts';
import { addressOf } from './xlsx-links.ts';

export type HtmlOptions = Partial<Omit<OutputOf<'html'>, 'format'>>;

/** One page that needs nothing else, in constant memory: a table for readers of every kind, for screens and paper. */
export async function* writeHtml(
  table: Table,
  room: Pick<DrawingRoom, 'charts'>,
  { locale = usualLocale }: HtmlOptions = {},
): AsyncGenerator<Uint8Array> {
  const { title, columns, rows, totals, charts = [], signal = new AbortController().signal } = table;
  const classes = columns.map(classOf);
  const write = columns.map((column) => cellText(column, locale));
  const collected = collectCharts(charts, columns);
  const header = columns.map(({ title }, index) => `<th scope="col"${classes[index] ?? ''} dir="auto">${escapeHtml(title)}</th>`);
  let batch = `${pageStart({ title, locale, charted: charts.length > 0 })}<thead><tr>${header.join('')}</tr></thead>\n<tbody>\n`;
  let number = 0;
  const cell = (value: Cell, index: number) => td(value, columns[index]?.type === 'link', classes[index] ?? '', write[index]);
  for await (const row of rows) {
    checkRow(row, columns, ++number);
    collected.add(row);
    batch += `<tr>${columns.map((_, index) => cell(row[index] ?? null, index)).join('')}</tr>\n`;
    if (batch.length < batchSize) continue;
    yield Buffer.from(batch);
    batch = '';
    await setImmediate();
  }
  batch += '</tbody>\n';
  if (totals !== undefined) batch += footer({ columns, totals }, cell);
  const pictures = charts.length === 0 ? [] : await room.charts(collected.plots(), { locale, signal });
  yield Buffer.from(batch + pageEnd(pictures));
}

function footer({ columns, totals }: Required<Pick<Table, 'columns' | 'totals'>>, cell: (value: Cell, index: number) => string): string {
  const free = columns.findIndex(({ total }) => total === undefined);
  const cells = columns.map(({ total }, index) => {
    const { value } = totals[index] ?? {};
    if (total === undefined || value === undefined) return index === free ? '<th scope="row">Total</th>' : '<td></td>';
    // A number of values is no amount.
    const shown = total === 'count' ? `<td class="r">${String(value)}</td>` : cell(value, index);
    return total === 'sum' ? shown : shown.replace('>', `>${totalLabels[total]}: `);
  });
  return `<tfoot><tr>${cells.join('')}</tr></tfoot>\n`;
}

/** Each value has a direction of its own: Hebrew beside a number does not turn it round. */
function td(cell: Cell, link: boolean, classes: string, write: CellText = String): string {
  const text = escapeHtml(write(cell));
  const address = link && typeof cell === 'string' ? addressOf(cell) : undefined;
  const content = address === undefined ? text : `<a href="${escapeHtml(address)}" rel="noopener noreferrer">${text}</a>`;
  return `<td${classes}${typeof cell === 'string' ? ' dir="auto"' : ''}>${content}</td>`;
}

function classOf(column: TableColumn): string {
  const align = column.align ?? (isNumeric(shapeOf(column)) ? 'right' : undefined);
  return align === undefined ? '' : ` class="${align.charAt(0)}"`;
}
