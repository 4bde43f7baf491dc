import pdfmake, { type Content, type DocumentDefinition } from 'pdfmake';

import type { TableColumn } from '../jobs/report-columns.ts';
import type { Cell } from '../jobs/report-sources.ts';
import { type CellText, cellText } from './cell-text.ts';
import { collectCharts } from './chart-points.ts';
import { chartSize, chartSvg } from './chart-svg.ts';
import type { FontFamily, FontFile } from './fonts.ts';
import { fittedColumns } from './pdf-columns.ts';
import type { DrawnPdf, PdfOrder } from './pdf-order.ts';
import { roomsOf, type Sheet, sheetOf } from './pdf-page.ts';
import { measured, pdfTable } from './pdf-table.ts';
import { pdfText } from './pdf-text.ts';
import { checkRow } from './rows.ts';
import { totalLabels } from './total-labels.ts';
import { createTypeSetter, missingNote } from './type-setting.ts';

/** PDF wants a date; today would give other bytes tomorrow. */
const nobodysDay = new Date('2000-01-01T00:00:00Z');

/**
 * The definition of the document, with all rows in it.
 * @throws AppError `report_too_large`, `query_invalid`, `source_unreadable`
 */
export async function pdfDefinition(
  order: PdfOrder,
  rows: AsyncIterable<Cell[]>,
  families: readonly FontFamily[],
): Promise<{ definition: DocumentDefinition; notes: string[] }> {
  const { columns, totals, page, charts, title } = order;
  const setter = createTypeSetter(families);
  const write = columns.map((column) => cellText(column));
  const header = columns.map((column) => setter.shown(column.title));
  const measures = columns.map((column) => measured(column, setter));
  for (const [index, text] of header.entries()) measures[index]?.take(text, true);
  const collected = collectCharts(charts, columns);
  const texts: string[][] = [];
  for await (const row of rows) {
    checkRow(row, columns, texts.length + 1);
    collected.add(row);
    texts.push(
      measures.map((measure, index) => {
        const text = setter.shown(write[index]?.(row[index] ?? null) ?? '');
        measure.take(text);
        return text;
      }),
    );
  }
  const last = totals && totalTexts(columns, totals, write);
  for (const [index, text] of (last ?? []).entries()) measures[index]?.take(text, true);
  const sheet = sheetOf(page);
  const needs = measures.map(({ need }) => need());
  const fitted = fittedColumns(needs, roomsOf(page, sheet));
  const room = roomsOf(page, sheet).find(({ orientation }) => orientation === fitted.orientation)?.width ?? 0;
  const rowCount = texts.length;
  const table = pdfTable({ columns, header, rows: texts, needs, ...(last && { totals: last }) }, fitted, setter);
  const text = pdfText(setter);
  const pictures = collected.plots().map((plotted, index): Content => {
    const width = Math.min(room, chartSize.width);
    return { svg: chartSvg(plotted, index + 1, setter), width, margin: [(room - width) / 2, 0, 0, 14] };
  });
  const frame = frameOf(order, sheet, text);
  const heading = text(title, { fontSize: 17, bold: true, width: order.logo ? room - order.logo.width - 16 : room });
  const note = missingNote(setter.missing);
  const definition: DocumentDefinition = {
    ...frame,
    pageOrientation: fitted.orientation,
    info: { title, creationDate: nobodysDay, producer: 'Handoff', creator: 'Handoff' },
    defaultStyle: { font: families[0]?.name ?? '', fontSize: 9, color: '#1a1a1a' },
    content: [
      {
        columns: [{ stack: [heading], width: '*' }, ...(order.logo ? [{ ...order.logo, width: order.logo.width }] : [])],
        columnGap: 16,
        margin: [0, 0, 0, 12],
      },
      ...pictures,
      table,
      ...(rowCount === 0 ? [{ text: 'No rows', color: '#666666', margin: [5, 8, 0, 0] } satisfies Content] : []),
      ...(note === undefined ? [] : [{ text: note, fontSize: 8, color: '#666666', margin: [0, 8, 0, 0] } satisfies Content]),
    ],
  };
  return { definition, notes: note === undefined ? [] : [note] };
}

/** What is not a sum says so; what is one, says the first column that is free. */
function totalTexts(columns: TableColumn[], totals: NonNullable<PdfOrder['totals']>, write: CellText[]): string[] {
  const free = columns.findIndex(({ total }) => total === undefined);
  return columns.map(({ total }, index) => {
    if (total === undefined) return index === free ? 'Total' : '';
    const cell = totals[index]?.value ?? null;
    const text = total === 'count' ? String(cell) : (write[index]?.(typeof cell === 'number' ? Number(cell.toPrecision(15)) : cell) ?? '');
    return total === 'sum' ? text : `${totalLabels[total]}\n${text}`;
  });
}

/** Around each page. */
function frameOf(
  { page, title }: PdfOrder,
  sheet: Sheet,
  text: ReturnType<typeof pdfText>,
): Pick<DocumentDefinition, 'pageSize' | 'pageMargins' | 'header' | 'footer'> {
  const { size, margins } = sheet;
  const [left, top, right, bottom] = margins;
  const small = { fontSize: 8, color: '#555555' };
  const width = 400;
  return {
    pageSize: size.toUpperCase(),
    pageMargins: [left, top + (page.header === undefined ? 10 : 24), right, bottom + 16],
    header: (current) => {
      const shown = page.header ?? (current === 1 ? undefined : title);
      return shown === undefined ? null : { stack: [text(shown, { ...small, width })], margin: [left, Math.max(6, top - 10), right, 0] };
    },
    footer: (current, count) => ({
      columns: [
        { stack: page.footer === undefined ? [] : [text(page.footer, { ...small, width })], width: '*' },
        { text: `${String(current)} of ${String(count)}`, ...small, alignment: 'right', width: 80 },
      ],
      margin: [left, 4, right, 0],
    }),
  };
}

/** The same order gives the same bytes. */
export async function drawPdf(order: PdfOrder, rows: AsyncIterable<Cell[]>, families: readonly FontFamily[]): Promise<DrawnPdf> {
  const { definition, notes } = await pdfDefinition(order, rows, families);
  return { bytes: await pdfOf(definition, families), notes };
}

/** pdfmake changes what it is given: the definition can't be used again. */
export async function pdfOf(definition: DocumentDefinition, families: readonly FontFamily[]): Promise<Uint8Array> {
  const files = new Set(families.flatMap(({ normal, bold }) => [normal.path, bold.path]));
  const source = ({ path, postscriptName }: FontFile) => (postscriptName === undefined ? path : [path, postscriptName]);
  // Nothing but the fonts is read, and nothing fetched.
  pdfmake.setUrlAccessPolicy(() => false);
  pdfmake.setLocalAccessPolicy((path) => files.has(path));
  pdfmake.setFonts(Object.fromEntries(families.map(({ name, normal, bold }) => [name, { normal: source(normal), bold: source(bold) }])));
  const stream = await pdfmake.createPdf(definition).getStream();
  stream.end();
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}
