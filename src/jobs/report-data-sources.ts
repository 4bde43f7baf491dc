import { invalid } from '../errors.ts';
import type { Submission } from './definition.ts';
import type { BoundParameter } from './report-query.ts';
import type { AskedTable, RemoteTable } from './report-sources.ts';
import { tableParameters } from './table-parameters.ts';

/** @param shared parameters of the query. @throws AppError `data_source_not_found`, `invalid_request`, `query_invalid`: refused before a job starts. */
export async function remoteTable(
  table: Extract<AskedTable, { dataSource: string }>,
  place: string,
  { tenant, dataSources }: Submission,
  shared: readonly BoundParameter[] = [],
): Promise<RemoteTable> {
  const { name, dataSource, parameters = {} } = table;
  const found = await dataSources?.find(tenant, dataSource);
  if (found === undefined) throw invalid(`${place}/dataSource`, 'no such data source', 'data_source_not_found');
  const { kind } = found.settings;
  if ('sql' in table) {
    if (kind === 'http') throw invalid(`${place}/sql`, 'does not go with a data source of the kind http: it takes a path');
    const { sql } = table;
    return { name, dataSource, parameters: tableParameters({ sql, parameters, place }, kind, shared), sql };
  }
  if (kind !== 'http') throw invalid(`${place}/path`, `does not go with a data source of the kind ${kind}: it takes sql`);
  const { path, pointer, format, csv } = table;
  if (csv !== undefined && (format ?? 'csv') !== 'csv') throw invalid(`${place}/csv`, `does not go with ${String(format)}`);
  if (pointer !== undefined && (format ?? 'json') !== 'json') throw invalid(`${place}/pointer`, `does not go with ${String(format)}`);
  return { name, dataSource, parameters, path, ...(pointer !== undefined && { pointer }), ...(format && { format }), ...(csv && { csv }) };
}
