import type { RenderTable, Table, TableOutput } from '../../activities/report-table.ts';
import { writeCsv } from './csv.ts';
import type { DrawingRoom } from './drawing-room.ts';
import { writeHtml } from './html.ts';
import { writeJson, writeNdjson } from './json.ts';
import { writePdf } from './pdf.ts';
import { writeXlsx } from './xlsx.ts';

type Writers = {
  [Output in TableOutput as Output['format']]: (table: Table, output: Output) => AsyncIterable<Uint8Array>;
};

export function createRenderTable(room: DrawingRoom, { pdfMaxRows }: { pdfMaxRows: number }): RenderTable {
  const writers: Writers = {
    csv: (table, options) => writeCsv(table, options),
    xlsx: (table, options) => writeXlsx(table, options),
    json: (table) => writeJson(table),
    ndjson: (table) => writeNdjson(table),
    html: (table, options) => writeHtml(table, room, options),
    pdf: (table) => writePdf(table, room, pdfMaxRows),
  };
  return (output, table) => (writers[output.format] as (table: Table, output: TableOutput) => AsyncIterable<Uint8Array>)(table, output);
}
