import type { RenderTable, Table } from '../../activities/report.ts';
import type { ReportFormat } from '../jobs/report.ts';
import { writeCsv } from './csv.ts';
import { writeXlsx } from './xlsx.ts';

const writers: Record<ReportFormat, (table: Table) => AsyncIterable<Uint8Array>> = { csv: writeCsv, xlsx: writeXlsx };

export const renderTable: RenderTable = (format, table) => writers[format](table);
