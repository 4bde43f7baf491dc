import type { Readable } from 'node:stream';

import { z } from 'zod';

import type { AuditEntry } from './audit.ts';
import type { CsvDialect, RemoteTable, SourceFormat } from './report-sources.ts';
import { singleLine } from './single-line.ts';

const description = singleLine.max(500).optional();
const host = z
  .string()
  .regex(/^[A-Za-z0-9._:-]{1,253}$/, 'must be a name or an address, without port')
  .meta({ examples: ['db.example.com'] });

const serverFields = {
  description,
  host,
  database: singleLine.min(1).max(128),
  user: singleLine.min(1).max(128),
  password: singleLine.max(1_000).nullable().optional().meta({
    description: 'Never shown again. Left out, the one that is there stays, as long as it goes to the same place; null: none.',
  }),
  tls: z.enum(['verify-full', 'disable']).default('verify-full').meta({
    description: '`verify-full`: the certificate of the server and its name are checked.',
  }),
  ca: z
    .string()
    .max(100_000)
    .regex(/^\s*-----BEGIN CERTIFICATE-----/, 'must be certificates in PEM')
    .optional()
    .meta({ description: 'Certificates of the authorities that are believed, in PEM. Default: those of the system.' }),
};
const port = (usual: number) => z.int().min(1).max(65_535).default(usual);

const baseUrl = z
  .string()
  .max(2_000)
  .refine((text) => {
    if (!URL.canParse(text)) return false;
    const { protocol, username, password, search, hash } = new URL(text);
    return ['http:', 'https:'].includes(protocol) && username + password + search + hash === '';
  }, 'must be an address with http or https, without user, query and fragment');

const headers = z
  .record(z.string().regex(/^[A-Za-z0-9-]{1,100}$/, 'must be letters, digits and -'), singleLine.max(8_000))
  .refine((all) => Object.keys(all).length <= 20, 'has more than 20 headers');

/** `PUT /v1/data-sources/{name}`. */
export const dataSourceRequest = z
  .discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('postgresql'), ...serverFields, port: port(5432) }),
    z.strictObject({ kind: z.literal('mysql'), ...serverFields, port: port(3306) }),
    z.strictObject({
      kind: z.literal('http'),
      description,
      url: baseUrl.meta({ description: 'What every `path` stands below.', examples: ['https://api.example.com/v2'] }),
      headers: headers.nullable().optional().meta({
        description:
          'Sent with each request, and never shown again. Left out, those that are there stay, as long as they go to the same place.',
      }),
    }),
  ])
  .meta({
    id: 'DataSourceRequest',
    examples: [
      { kind: 'postgresql', host: 'db.example.com', database: 'crm', user: 'reports', password: '…' },
      { kind: 'http', url: 'https://api.example.com/v2', headers: { Authorization: 'Bearer …' } },
    ],
  });
export type DataSourceRequest = z.infer<typeof dataSourceRequest>;

export const dataSourceKinds = ['postgresql', 'mysql', 'sqlite', 'http'] as const;

export interface ServerSettings {
  kind: 'postgresql' | 'mysql';
  host: string;
  port: number;
  database: string;
  user: string;
  tls: 'verify-full' | 'disable';
  ca?: string | undefined;
}

/** Nothing in it is secret. */
export type DataSourceSettings = ServerSettings | { kind: 'http'; url: string } | { kind: 'sqlite' };

export interface DataSourceSecrets {
  password?: string;
  headers?: Record<string, string>;
  /** Of a file, which only the configuration can name. */
  path?: string;
}

/** What may be told. */
export interface DataSourceEntry {
  name: string;
  description: string | null;
  settings: DataSourceSettings;
  /** `password`, or names of headers. */
  secretNames: string[];
  /** Counts changes; null: it stands in the configuration, and can't be changed by requests. */
  version: number | null;
  changedAt: Date | null;
}

/** Ready to be used. */
export interface DataSource extends DataSourceEntry {
  secrets: DataSourceSecrets;
}

export interface DataSourceChange extends Pick<DataSourceEntry, 'name' | 'settings' | 'description'> {
  tenant: string;
  /** undefined: those that are there stay. */
  secrets: DataSourceSecrets | undefined;
  /** Of what is there, or 0 for nothing: anything else is not overwritten. Default: whatever there is. */
  ifVersion?: number | undefined;
}

/** All of these throw AppError `database_unavailable`. */
export interface DataSources {
  /** @throws AppError `precondition_failed`, `encryption_needed`, `data_source_configured`, `limit_exceeded`. */
  put(change: DataSourceChange, entry: AuditEntry): Promise<{ made: boolean; source: DataSourceEntry }>;
  find(tenant: string, name: string): Promise<DataSourceEntry | undefined>;
  /** By name. */
  list(tenant: string): Promise<DataSourceEntry[]>;
  /** With its secrets. @throws AppError `data_source_configuration` when they can't be decrypted. */
  open(tenant: string, name: string): Promise<DataSource | undefined>;
  /** @returns false: there is none. @throws AppError `data_source_configured`. */
  remove(tenant: string, name: string, entry: AuditEntry): Promise<boolean>;
}

/** Where secrets go: they are given for this place, and for no other. */
export function destinationOf(settings: DataSourceSettings): string {
  if ('url' in settings) return `http ${new URL(settings.url).origin}`;
  if (!('host' in settings)) return settings.kind;
  const { kind, host: name, port: number, user, tls, ca = '' } = settings;
  return [kind, name.toLowerCase(), String(number), user, tls, ca].join('\n');
}

/** How values of a column are written as text, for the engine. */
export type RemoteType =
  | 'BOOLEAN'
  | 'SMALLINT'
  | 'INTEGER'
  | 'BIGINT'
  | 'UBIGINT'
  | 'FLOAT'
  | 'DOUBLE'
  | 'DATE'
  | 'TIME'
  | 'TIMESTAMP'
  | 'TIMESTAMP WITH TIME ZONE'
  | 'UUID'
  | 'JSON'
  | 'VARCHAR'
  /** An exact numeral; how many digits a column needs, its values say. */
  | 'NUMERAL'
  /** Bytes as hexadecimal digits. */
  | 'HEX';

export interface RemoteColumn {
  name: string;
  type: RemoteType;
  /** Of a NUMERAL: digits behind the point at least. */
  scale?: number;
}

/** Rows in batches, each value as text; or bytes of a format. To be read once; whoever never does calls `close`. */
export type RemoteContent =
  | {
      columns: RemoteColumn[];
      batches: AsyncIterable<(string | null)[][]>;
      /** Where columns have none: what their values were, once all are read. Stands before those of `columns`. */
      types?: () => RemoteType[];
      close: () => Promise<void>;
    }
  | { bytes: Readable; format: SourceFormat; csv: CsvDialect | undefined };

export interface DataSourceConnector {
  /**
   * @throws AppError `data_source_unreachable` (worth repeating), `data_source_configuration`, `query_invalid`, `query_timeout`,
   * `query_too_large`, `source_unreadable`, `source_too_large`, also while reading; the reason of `signal`
   */
  read(source: DataSource, table: RemoteTable, signal: AbortSignal): Promise<RemoteContent>;
  /** @throws AppError as `read` */
  check(source: DataSource, signal: AbortSignal): Promise<{ serverVersion: string | null }>;
}
