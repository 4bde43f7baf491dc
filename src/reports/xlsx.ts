import type { Table } from '../../activities/report-table.ts';
import type { TableColumn } from '../jobs/report-columns.ts';
import type { OutputOf } from '../jobs/report-outputs.ts';
import { unwritable } from './rows.ts';
import { sheetNamer } from './sheet-names.ts';
import { textCell } from './xlsx-cells.ts';
import { sheetColumns, type SheetColumn } from './xlsx-columns.ts';
import { maxTextLength, type RowFeed, rowFeed } from './xlsx-feed.ts';
import { sheetLinks } from './xlsx-links.ts';
import * as parts from './xlsx-parts.ts';
import { linkRelationships, sheetEnd, sheetStart } from './xlsx-sheet.ts';
import { styleTable } from './xlsx-styles.ts';
import { totalsXml } from './xlsx-totals.ts';
import { columnWidths } from './xlsx-widths.ts';
import { writeZip, type ZipEntry } from './zip.ts';

/** "Excel specifications and limits" in Microsoft's documentation. */
const maxRowsPerSheet = 1_048_576;
const maxColumns = 16_384;

export interface XlsxOptions extends Partial<Omit<OutputOf<'xlsx'>, 'format'>> {
  /** All of it: when a sheet is full, the next one begins with the header again. Default and maximum 1,048,576. */
  rowsPerSheet?: number;
}

/**
 * An Office Open XML workbook in constant memory. Text stays text: a cell that begins with `=` is no formula here.
 * @throws AppError `source_unreadable` for what a sheet can't hold
 */
export async function* writeXlsx(table: Table, options: XlsxOptions = {}): AsyncGenerator<Uint8Array> {
  const { rowsPerSheet = maxRowsPerSheet } = options;
  checkHeader(table.columns);
  const styles = styleTable();
  const columns = sheetColumns(table.columns, styles, options.autoFilter ?? true);
  const noteStyle = styles.style({ font: 'note' });
  const labelStyle = styles.style({ font: 'bold', border: 'above' });
  // What may stand below the last row has its place on each sheet: which one is the last is not known before.
  const below = (table.totals === undefined ? 0 : 1) + (columns.some(({ shape }) => shape === 'link') ? 2 : 0);
  const every = rowsPerSheet - 1 - below;
  if (!Number.isInteger(rowsPerSheet) || every < 1 || rowsPerSheet > maxRowsPerSheet) throw new RangeError('rowsPerSheet');
  const feed = await rowFeed(table, columns, every);
  try {
    yield* writeZip(entries(table, { ...options, columns, feed, stylesPart: styles.part(), noteStyle, labelStyle }));
  } finally {
    await feed.close();
  }
}

interface Workbook extends XlsxOptions {
  columns: SheetColumn[];
  feed: RowFeed;
  stylesPart: string;
  noteStyle: number;
  labelStyle: number;
}

interface Below {
  totals: Table['totals'] | undefined;
  note: string | undefined;
  whole: boolean;
}

async function* entries({ title, totals }: Table, workbook: Workbook): AsyncGenerator<ZipEntry> {
  const { columns, feed, stylesPart, sheetName = title, autoFilter = true, freezeHeader = true } = workbook;
  yield { path: '[Content_Types].xml', content: [parts.contentTypes] };
  yield { path: '_rels/.rels', content: [parts.packageRelationships] };
  yield { path: 'docProps/core.xml', content: [parts.coreProperties(title)] };
  yield { path: 'xl/styles.xml', content: [stylesPart] };
  const start = sheetStart({
    columns,
    widths: columnWidths(columns, [...feed.sample, (totals ?? []).map((total) => total?.value ?? null)], autoFilter),
    freezeHeader,
  });
  const nextName = sheetNamer(sheetName);
  const written: parts.WrittenSheet[] = [];
  const last = columns.at(-1)?.letters ?? 'A';

  do {
    const links = sheetLinks();
    const sheet: parts.WrittenSheet = { name: nextName(), filtered: undefined };
    written.push(sheet);
    const content = async function* () {
      yield start;
      const rows = yield* feed.sheet(links);
      const range = autoFilter && columns.length > 0 ? { from: 'A1', to: `${last}${String(rows + 1)}` } : undefined;
      sheet.filtered = range && `$A$1:$${last}$${String(rows + 1)}`;
      yield belowRows(rows + 1, { totals: (await feed.more()) ? undefined : totals, note: links.note(), whole: written.length === 1 });
      yield sheetEnd({ range: range && `${range.from}:${range.to}`, links: links.references });
    };
    const number = written.length;
    yield { path: parts.sheetPath(number), content: content() };
    if (links.urls.length > 0) yield { path: parts.sheetRelationshipsPath(number), content: linkRelationships(links.urls) };
  } while (await feed.more());
  yield { path: 'xl/workbook.xml', content: [parts.workbook(written)] };
  yield { path: 'xl/_rels/workbook.xml.rels', content: [parts.workbookRelationships(written.length)] };

  function belowRows(lastRow: number, { totals, note, whole }: Below): string {
    const { labelStyle, noteStyle } = workbook;
    const sum = totals === undefined ? '' : totalsXml({ columns, totals, number: lastRow + 1, whole, labelStyle });
    if (note === undefined) return sum;
    // One row stays empty between.
    const row = String(lastRow + (totals === undefined ? 2 : 3));
    return `${sum}<row r="${row}"><c r="A${row}"${textCell(note, noteStyle)}</c></row>`;
  }
}

function checkHeader(columns: readonly TableColumn[]): void {
  if (columns.length > maxColumns) {
    throw unwritable(`There are ${String(columns.length)} columns; an Excel sheet has at most ${String(maxColumns)}.`);
  }
  const long = columns.findIndex(({ title }) => title.length > maxTextLength);
  if (long >= 0)
    throw unwritable(`The name of column ${String(long + 1)} is longer than the ${String(maxTextLength)} characters of an Excel cell.`);
}
