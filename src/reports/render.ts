import type { RenderTable, Table, TableOutput } from '../../activities/report.ts';
import { writeCsv } from './csv.ts';
import { writeHtml } from './html.ts';
import { writeJson, writeNdjson } from './json.ts';
import { writeXlsx } from './xlsx.ts';

type Writers = {
  [Output in TableOutput as Output['format']]: (table: Table, output: Output) => AsyncIterable<Uint8Array>;
};

const writers: Writers = {
  csv: (table) => writeCsv(table),
  xlsx: (table, { format: _, ...options }) => writeXlsx(table, options),
  json: (table) => writeJson(table),
  ndjson: (table) => writeNdjson(table),
  html: (table, { format: _, ...options }) => writeHtml(table, options),
};

export const renderTable: RenderTable = (output, table) =>
  (writers[output.format] as (table: Table, output: TableOutput) => AsyncIterable<Uint8Array>)(table, output);
