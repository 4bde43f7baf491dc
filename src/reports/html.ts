import { setImmediate } from 'node:timers/promises';

import type { Table } from '../../activities/report-table.ts';
import type { Cell } from '../jobs/report.ts';
import type { TableColumn } from '../jobs/report-columns.ts';
import type { OutputOf } from '../jobs/report-outputs.ts';
import { pageEnd, pageStart } from './html-page.ts';
import { escapeHtml } from './html-text.ts';
import { batchSize, checkRow } from './rows.ts';
import { shownValue } from './shown-values.ts';
import { isNumeric, shapeOf } from './xlsx-columns.ts';
import { addressOf } from './xlsx-links.ts';

const plainLocale = 'en';

export interface HtmlOptions extends Partial<Omit<OutputOf<'html'>, 'format'>> {
  /** SVG of our own making, above the table. */
  charts?: readonly string[];
}

/** One page that needs nothing else, in constant memory: a table for readers of every kind, for screens and paper. */
export async function* writeHtml(table: Table, { locale = plainLocale, charts = [] }: HtmlOptions = {}): AsyncGenerator<Uint8Array> {
  const { title, columns, rows, totals } = table;
  const classes = columns.map(classOf);
  const header = columns.map(({ title }, index) => `<th scope="col"${classes[index] ?? ''} dir="auto">${escapeHtml(title)}</th>`);
  let batch = `${pageStart({ title, locale, charts })}<thead><tr>${header.join('')}</tr></thead>\n<tbody>\n`;
  let number = 0;
  for await (const row of rows) {
    checkRow(row, columns, ++number);
    batch += `<tr>${columns.map((column, index) => td(row[index] ?? null, column, classes[index] ?? '', locale)).join('')}</tr>\n`;
    if (batch.length < batchSize) continue;
    yield Buffer.from(batch);
    batch = '';
    await setImmediate();
  }
  batch += '</tbody>\n';
  if (totals !== undefined) batch += footer({ columns, totals }, classes, locale);
  yield Buffer.from(batch + pageEnd);
}

function footer({ columns, totals }: Required<Pick<Table, 'columns' | 'totals'>>, classes: string[], locale: string): string {
  const cells = columns.map((column, index) => {
    const total = totals[index] ?? null;
    if (total === null) return index === 0 ? '<th scope="row">Total</th>' : '<td></td>';
    // A number of values is no amount.
    return td(
      total.value,
      column.total === 'count' ? { name: column.name, title: '', kind: 'number' } : column,
      classes[index] ?? '',
      locale,
    );
  });
  return `<tfoot><tr>${cells.join('')}</tr></tfoot>\n`;
}

/** Each value has a direction of its own: Hebrew beside a number does not turn it round. */
function td(cell: Cell, column: TableColumn, classes: string, locale: string): string {
  const text = escapeHtml(shownValue(cell, column, locale));
  const address = column.type === 'link' && typeof cell === 'string' ? addressOf(cell) : undefined;
  const content = address === undefined ? text : `<a href="${escapeHtml(address)}" rel="noopener noreferrer">${text}</a>`;
  return `<td${classes}${typeof cell === 'string' ? ' dir="auto"' : ''}>${content}</td>`;
}

function classOf(column: TableColumn): string {
  const align = column.align ?? (isNumeric(shapeOf(column)) ? 'right' : undefined);
  return align === undefined ? '' : ` class="${align.charAt(0)}"`;
}
