import { setImmediate } from 'node:timers/promises';

import type { Table } from '../../activities/report.ts';
import type { TableColumn } from '../jobs/report-columns.ts';
import { batchSize, checkRow, unwritable } from './rows.ts';
import { sheetNamer } from './sheet-names.ts';
import { columnLetters, rowXml } from './xlsx-cells.ts';
import * as parts from './xlsx-parts.ts';
import { zipWriter } from './zip.ts';

/** "Excel specifications and limits" in Microsoft's documentation. */
const maxRowsPerSheet = 1_048_576;
const maxColumns = 16_384;
const maxTextLength = 32_767;

export interface XlsxOptions {
  /** The header included; when a sheet is full, the next one begins with the header again. Default and maximum 1,048,576. */
  rowsPerSheet?: number;
}

/**
 * An Office Open XML workbook in constant memory. Text stays text: a cell that begins with `=` is no formula here.
 * @throws AppError `source_unreadable` for what a sheet can't hold
 */
export async function* writeXlsx({ title, columns, rows }: Table, options: XlsxOptions = {}): AsyncGenerator<Uint8Array> {
  const { rowsPerSheet = maxRowsPerSheet } = options;
  if (!Number.isInteger(rowsPerSheet) || rowsPerSheet < 2 || rowsPerSheet > maxRowsPerSheet) throw new RangeError('rowsPerSheet');
  checkHeader(columns);
  const letters = columnLetters(columns.length);
  const header =
    parts.sheetStart +
    rowXml(
      columns.map(({ title }) => title),
      1,
      letters,
      parts.headerStyle,
    );
  const nextName = sheetNamer(title);
  const names: string[] = [];

  const zip = zipWriter();
  const beginSheet = () => {
    names.push(nextName());
    zip.begin(parts.sheetPath(names.length));
    return header;
  };
  try {
    zip.add('[Content_Types].xml', parts.contentTypes);
    zip.add('_rels/.rels', parts.packageRelationships);
    zip.add('docProps/core.xml', parts.coreProperties(title));
    zip.add('xl/styles.xml', parts.styles);
    let batch = beginSheet();
    let rowOfSheet = 1;
    let number = 0;
    for await (const row of rows) {
      checkRow(row, columns, ++number, maxTextLength);
      if (rowOfSheet === rowsPerSheet) {
        yield* zip.write(batch + parts.sheetEnd);
        batch = beginSheet();
        rowOfSheet = 1;
      }
      batch += rowXml(row, ++rowOfSheet, letters);
      if (batch.length < batchSize) continue;
      yield* zip.write(batch);
      batch = '';
      await setImmediate();
    }
    yield* zip.write(batch + parts.sheetEnd);
    zip.end();
    zip.add('xl/workbook.xml', parts.workbook(names));
    zip.add('xl/_rels/workbook.xml.rels', parts.workbookRelationships(names.length));
    yield* zip.finish();
  } finally {
    zip.abandon();
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
