import { AppError } from '../src/errors.ts';
import type { Cell } from '../src/jobs/report.ts';
import type { TableColumn } from '../src/jobs/report-columns.ts';
import type { TableSource } from '../src/jobs/report-sources.ts';
import type { ReportDependencies, TableBytes } from './report-ports.ts';
import type { Rendering } from './report.ts';
import type { Table } from './report-table.ts';

// eslint-disable-next-line @typescript-eslint/require-await -- an async view of an array
async function* each(rows: Cell[][]): AsyncGenerator<Cell[]> {
  yield* rows;
}

interface OpenSource extends Pick<Table, 'columns' | 'total' | 'rows' | 'totals' | 'held'> {
  /** For when the rows were not read to their end, too. */
  close(): Promise<void> | void;
}

/** Columns of which nothing is known but their names. */
const named = (names: string[]) => names.map((name): TableColumn => ({ name, title: name, kind: 'mixed' }));

/** What an output is written from. */
export async function openTable(
  { source, columns, output: { format } }: Rendering,
  { engine, files }: ReportDependencies,
  signal: AbortSignal,
): Promise<OpenSource> {
  if ('rows' in source)
    return { columns: named(source.columns), rows: each(source.rows), total: source.rows.length, close: () => undefined };
  if ('tables' in source) throw new TypeError('This output is made of an extract');
  const numbers = format !== 'csv';
  if ('extract' in source)
    return { ...(await engine.readExtract(files.read(source.extract), { numbers, columns, signal })), total: source.total };
  const bytes = files.read(source.file);
  const close = () => void bytes.destroy();
  if ('columns' in source) return { columns: named(source.columns), rows: engine.readNdjson(bytes), total: source.total, close };
  const read = await engine.readCsv(bytes, { numbers });
  return { columns: named(read.columns), rows: read.rows, total: null, close };
}

const noRemote = () => Promise.reject(new AppError('data_source_not_found', 'There are no data sources here.'));

/** A source of a query of the tenant, ready to be read. */
export function tableBytesOf(
  table: TableSource,
  tenant: string,
  { engine, files, readRemote = noRemote }: Pick<ReportDependencies, 'engine' | 'files' | 'readRemote'>,
): TableBytes {
  const { name } = table;
  if ('dataSource' in table) return { name, remote: (signal) => readRemote(tenant, table, signal) };
  if ('rows' in table) return { name, columns: table.columns, rows: each(table.rows) };
  const { file } = table;
  const bytes = () => files.read(file);
  if ('columns' in table) return { name, columns: table.columns, rows: engine.readNdjson(bytes()) };
  const link = async (path: string) => (await files.link?.(file, path)) ?? false;
  return { name, bytes, link, format: table.format, csv: table.csv };
}
