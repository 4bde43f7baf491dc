import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import type { Table } from '../../activities/report-table.ts';
import type { Cell } from '../../src/jobs/report.ts';
import type { TableColumn } from '../../src/jobs/report-columns.ts';
import type * as drawingModule from '../../src/reports/pdf-drawing.ts';
import type * as fontsModule from '../../src/reports/fonts.ts';
import type * as pdfModule from '../../src/reports/pdf.ts';
import type * as roomModule from '../../src/reports/drawing-room.ts';
import { serve } from './serve.ts';

/** `port`: of a server in this process; `product` and `bare`: one document, in seconds. */
export type PdfRequest = { kind: 'port' } | { kind: 'product' | 'bare'; rows: number };
export interface PdfAnswer {
  port: number;
  seconds: number;
  /** Of processors. */
  cpuSeconds: number;
  bytes: number;
}

/** Of the build: what is measured is what is shipped. */
const built = (module: string): Promise<unknown> => import(new URL(`../../dist/src/reports/${module}.js`, import.meta.url).href);
const { pdfDefinition, pdfOf } = (await built('pdf-drawing')) as typeof drawingModule;
const { findFonts } = (await built('fonts')) as typeof fontsModule;
const { writePdf } = (await built('pdf')) as typeof pdfModule;
const { createDrawingRoom } = (await built('drawing-room')) as typeof roomModule;

const families = findFonts();
const room = createDrawingRoom({ threads: 1, memoryMb: 1_024 });
const server = createServer((_, response) => response.end('ok')).listen(0, '127.0.0.1');

const columns: TableColumn[] = [
  { name: 'id', title: 'Id', kind: 'number' },
  { name: 'name', title: 'Customer', kind: 'text' },
  { name: 'city', title: 'City', kind: 'text' },
  { name: 'day', title: 'Day', kind: 'date', format: 'd mmm yyyy' },
  { name: 'amount', title: 'Amount', kind: 'number', format: '#,##0.00', total: 'sum' },
];
const cities = ['Oslo', 'Bergen', 'Kraków', 'Αθήνα', 'Київ'];

// eslint-disable-next-line @typescript-eslint/require-await -- as rows come, but without a source
async function* rowsOf(count: number): AsyncGenerator<Cell[]> {
  for (let n = 0; n < count; n++) {
    const day = `2026-${String(1 + (n % 12)).padStart(2, '0')}-${String(1 + (n % 28)).padStart(2, '0')}`;
    yield [n, `Customer number ${String(n)}`, cities[n % cities.length] ?? '', day, (n * 137) / 100];
  }
}

async function product(rows: number): Promise<number> {
  const totals = columns.map(({ total }) => (total === undefined ? null : { value: (137 * rows * (rows - 1)) / 200, recountable: true }));
  const table: Table = { title: 'Benchmark', columns, total: rows, totals, rows: rowsOf(rows) };
  let bytes = 0;
  for await (const chunk of writePdf(table, room, rows)) bytes += chunk.length;
  return bytes;
}

async function timed(work: () => Promise<number>): Promise<PdfAnswer> {
  const start = performance.now();
  const before = process.cpuUsage();
  const bytes = await work();
  const { user, system } = process.cpuUsage(before);
  return { port: 0, seconds: (performance.now() - start) / 1000, cpuSeconds: (user + system) / 1e6, bytes };
}

serve(async (request: PdfRequest): Promise<PdfAnswer> => {
  if (request.kind === 'port') return { port: (server.address() as AddressInfo).port, seconds: 0, cpuSeconds: 0, bytes: 0 };
  const { rows } = request;
  if (request.kind === 'product') return timed(() => product(rows));
  // Made beforehand: laying it out and writing it is all that is counted.
  const order = { title: 'Benchmark', columns, page: {}, charts: [] };
  const { definition } = await pdfDefinition(order, rowsOf(rows), families);
  return timed(async () => (await pdfOf(definition, families)).length);
});
