import type { RenderTable, Table } from '../../activities/report.ts';
import { writeCsv } from './csv.ts';
import { writeJson, writeNdjson } from './json.ts';
import { writeXlsx } from './xlsx.ts';

const writers: Record<Parameters<RenderTable>[0], (table: Table) => AsyncIterable<Uint8Array>> = {
  csv: writeCsv,
  xlsx: writeXlsx,
  json: writeJson,
  ndjson: writeNdjson,
};

export const renderTable: RenderTable = (format, table) => writers[format](table);
