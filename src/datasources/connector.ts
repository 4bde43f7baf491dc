import { AppError } from '../errors.ts';
import type { DataSource, DataSourceConnector } from '../jobs/data-sources.ts';
import type { SqlPieces } from '../jobs/sql-parameters.ts';
import type { GuardedStream } from '../outbound/guarded-fetch.ts';
import type { VettedAddress } from './address.ts';
import { checkHttp, type HttpSource, readHttp } from './http.ts';
import { checkMysql, readMysql } from './mysql.ts';
import { checkPostgres, readPostgres } from './postgres.ts';
import { checkSqlite, readSqlite } from './sqlite.ts';

export interface ConnectorOptions {
  /** For addresses that tenants choose. */
  vetted: VettedAddress;
  fetch: GuardedStream;
  /** For origins that the operator has named. */
  fetchNamed: GuardedStream;
  /** A query, or an answer, may take so long. */
  seconds: number;
  maxBytes: number;
  /** Of a query that runs here, in MiB. */
  memoryMb: number;
  /** Cuts texts of SQL into pieces, of which some are parameters. */
  pieces: SqlPieces;
}

const unsupported = () => new AppError('data_source_configuration', 'Data sources of this kind are not supported here.');

/** Reaches data sources of every kind. */
export function createConnector({ vetted, fetch, fetchNamed, seconds, maxBytes, memoryMb, pieces }: ConnectorOptions): DataSourceConnector {
  const configured = (source: DataSource) => source.version === null;
  const serverOf = ({ settings, secrets: { password }, version }: DataSource) =>
    'host' in settings ? { settings, password, vetted: version === null ? undefined : vetted, seconds, pieces } : undefined;
  const fileOf = ({ secrets: { path } }: DataSource) => (path === undefined ? undefined : { path, seconds, memoryMb, pieces });
  function httpOf(source: DataSource): HttpSource | undefined {
    const { settings, secrets } = source;
    if (!('url' in settings)) return undefined;
    return { url: settings.url, headers: secrets.headers ?? {}, fetch: configured(source) ? fetchNamed : fetch, seconds, maxBytes };
  }

  return {
    async read(source, table, signal) {
      const { kind } = source.settings;
      const [server, file, http] = [serverOf(source), fileOf(source), httpOf(source)];
      if ('sql' in table && kind === 'postgresql' && server) return readPostgres(server, table, signal);
      if ('sql' in table && kind === 'mysql' && server) return readMysql(server, table, signal);
      if ('sql' in table && kind === 'sqlite' && file) return readSqlite(file, table, signal);
      if ('path' in table && http) return readHttp(http, table, signal);
      throw unsupported();
    },
    async check(source, signal) {
      const { kind } = source.settings;
      const [server, file, http] = [serverOf(source), fileOf(source), httpOf(source)];
      if (kind === 'postgresql' && server) return checkPostgres(server, signal);
      if (kind === 'mysql' && server) return checkMysql(server, signal);
      if (kind === 'sqlite' && file) return checkSqlite(file, signal);
      if (http) return checkHttp(http, signal);
      throw unsupported();
    },
  };
}
