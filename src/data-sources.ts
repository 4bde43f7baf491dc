import type { Kysely } from 'kysely';

import type { Config } from './config.ts';
import type { DataSourceSetting } from './config-datasources.ts';
import { createDataSourceStore } from './database/data-sources.ts';
import type { Database } from './database/schema.ts';
import { createConnector } from './datasources/connector.ts';
import { open, seal } from './encryption/aes-gcm.ts';
import { AppError } from './errors.ts';
import { type ConfiguredSource, withConfigured } from './jobs/data-source-catalog.ts';
import type { DataKeys } from './jobs/data-keys.ts';
import { type DataSourceConnector, type DataSources, destinationOf } from './jobs/data-sources.ts';
import { tenantTag } from './jobs/ids.ts';
import { sqlPieces } from './jobs/sql-parameters.ts';
import { createGuardedStream } from './outbound/guarded-fetch.ts';
import { createVettedAddress } from './outbound/vetted-address.ts';

function configuredSource(setting: DataSourceSetting): ConfiguredSource {
  const { name, tenants, description = null } = setting;
  const common = { name, tenants, description, version: null, changedAt: null };
  if (setting.kind === 'http') {
    const { kind, url, headers } = setting;
    return { ...common, settings: { kind, url }, secrets: headers ? { headers } : {}, secretNames: Object.keys(headers ?? {}) };
  }
  // Where the file is, concerns the operator alone.
  if (setting.kind === 'sqlite') return { ...common, settings: { kind: setting.kind }, secrets: { path: setting.path }, secretNames: [] };
  const { kind, host, port, database, user, tls, ca, password } = setting;
  const settings = { kind, host, port, database, user, tls, ...(ca !== undefined && { ca }) };
  return {
    ...common,
    settings,
    ...(password === undefined ? { secrets: {}, secretNames: [] } : { secrets: { password }, secretNames: ['password'] }),
  };
}

/** Those of requests and those of the configuration. @param keys undefined: no secret can be stored. */
export function openDataSources(
  db: Kysely<Database>,
  { reports: { dataSources } }: Pick<Config, 'reports'>,
  keys: DataKeys | undefined,
): DataSources {
  const stored = createDataSourceStore(db, { keys, seal, open, tagOf: tenantTag, destinationOf });
  return withConfigured(stored, dataSources.map(configuredSource));
}

export function dataSourceConnector({ outboundAllow: allow, reports }: Pick<Config, 'outboundAllow' | 'reports'>): DataSourceConnector {
  const origins = reports.dataSources.flatMap((one) => (one.kind === 'http' ? [new URL(one.url).origin] : []));
  return createConnector({
    vetted: createVettedAddress({ allow }),
    fetch: createGuardedStream({ allow }),
    fetchNamed: createGuardedStream({ allow, origins }),
    seconds: reports.querySeconds,
    maxBytes: reports.diskMb * 1024 * 1024,
    memoryMb: reports.memoryMb,
    pieces: sqlPieces,
  });
}

/** What jobs read: by the name, as it is now. */
export function remoteReader(sources: Pick<DataSources, 'open'>, connector: Pick<DataSourceConnector, 'read'>) {
  return async (tenant: string, table: Parameters<DataSourceConnector['read']>[1], signal: AbortSignal) => {
    const source = await sources.open(tenant, table.dataSource);
    if (source === undefined) throw new AppError('data_source_not_found', `There is no data source ${table.dataSource} any more.`);
    return connector.read(source, table, signal);
  };
}
