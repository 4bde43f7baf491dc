import { invalid } from '../errors.ts';
import type { Submission } from './definition.ts';
import type { AskedTable, RemoteTable } from './report-sources.ts';

/** @throws AppError `data_source_not_found`, `invalid_request`: refused before a job starts. */
export async function remoteTable(
  table: Extract<AskedTable, { dataSource: string }>,
  place: string,
  { tenant, dataSources }: Submission,
): Promise<RemoteTable> {
  const { name, dataSource, parameters = {} } = table;
  const found = await dataSources?.find(tenant, dataSource);
  if (found === undefined) throw invalid(`${place}/dataSource`, 'no such data source', 'data_source_not_found');
  const { kind } = found.settings;
  if ('sql' in table) {
    if (kind === 'http') throw invalid(`${place}/sql`, 'does not go with a data source of the kind http: it takes a path');
    return { name, dataSource, parameters, sql: table.sql };
  }
  if (kind !== 'http') throw invalid(`${place}/path`, `does not go with a data source of the kind ${kind}: it takes sql`);
  const { path, pointer, format, csv } = table;
  if (csv !== undefined && (format ?? 'csv') !== 'csv') throw invalid(`${place}/csv`, `does not go with ${String(format)}`);
  if (pointer !== undefined && (format ?? 'json') !== 'json') throw invalid(`${place}/pointer`, `does not go with ${String(format)}`);
  return { name, dataSource, parameters, path, ...(pointer !== undefined && { pointer }), ...(format && { format }), ...(csv && { csv }) };
}
