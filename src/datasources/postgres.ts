import type { ConnectionOptions } from 'node:tls';

import pg from 'pg';

import type { RemoteContent, ServerSettings } from '../jobs/data-sources.ts';
import type { Cell } from '../jobs/report-sources.ts';
import type { SqlPieces } from '../jobs/sql-parameters.ts';
import { type Destination, destination, type VettedAddress } from './address.ts';
import { queryTimeout } from './failure.ts';
import { boundText } from './named-parameters.ts';
import { cancelQuery } from './postgres-cancel.ts';
import { columnOf, type PostgresField } from './postgres-columns.ts';
import { postgresFailure } from './postgres-failure.ts';
import { nextBatchRows } from './batch-rows.ts';

export interface Server {
  settings: ServerSettings;
  password: string | undefined;
  /** undefined: the operator has named it, wherever it leads. */
  vetted: VettedAddress | undefined;
  /** A query may take so long. */
  seconds: number;
  /** Of texts of SQL. */
  pieces: SqlPieces;
}

const connectMs = 10_000;

/** Text of the server as it is: what it means, the engine decides. */
const asText = { getTypeParser: () => (text: unknown) => text };

interface Session {
  client: pg.Client;
  failure: (error: unknown) => unknown;
  close: () => Promise<void>;
}

function tlsOf({ tls, ca }: ServerSettings, { servername }: Destination): ConnectionOptions | undefined {
  if (tls === 'disable') return undefined;
  return { rejectUnauthorized: true, ...(ca !== undefined && { ca }), ...(servername !== undefined && { servername }) };
}

/** A connection of its own, in a transaction that only reads. When the signal aborts, the server stops what runs. */
async function begin({ settings, password, vetted, seconds }: Server, cancelled: AbortSignal): Promise<Session> {
  const deadline = AbortSignal.timeout(seconds * 1000);
  const signal = AbortSignal.any([cancelled, deadline]);
  let connected = false;
  const failure = (error: unknown) => {
    cancelled.throwIfAborted();
    if (deadline.aborted) return queryTimeout(seconds);
    return postgresFailure(error, { connected, seconds });
  };
  const { host, port, database, user } = settings;
  const place = await destination(host, vetted).catch((error: unknown) => {
    throw failure(error);
  });
  const tls = tlsOf(settings, place);
  const client = new pg.Client({
    ...{ host: place.address, port, database, user },
    // Never from the environment or a file of the worker: what is not given there is none.
    password: () => password ?? '',
    ssl: tls ?? false,
    application_name: 'handoff report',
    connectionTimeoutMillis: connectMs,
    keepAlive: true,
    types: asText,
  });
  // The query that it breaks fails as well.
  client.on('error', () => undefined);
  const abort = () => {
    const { processID: processId, secretKey } = client as unknown as { processID: number | null; secretKey: unknown };
    const end = () => {
      client.end().catch(() => undefined);
    };
    if (processId === null || typeof secretKey !== 'number') end();
    else cancelQuery({ address: place.address, port, tls, processId, secretKey }).then(end, end);
  };
  signal.addEventListener('abort', abort, { once: true });
  const close = async () => {
    signal.removeEventListener('abort', abort);
    await client.end().catch(() => undefined);
  };
  try {
    await client.connect();
    connected = true;
    signal.throwIfAborted();
    await client.query('begin isolation level repeatable read read only');
    const ms = String(seconds * 1000);
    // After a first query no transaction can be made one that writes.
    await client.query({
      text: `select set_config(name, value, true) from (values ('statement_timeout', $1), ('idle_in_transaction_session_timeout', $1),
        ('timezone', 'UTC'), ('datestyle', 'ISO, YMD'), ('bytea_output', 'hex'), ('extra_float_digits', '1'), ('cursor_tuple_fraction', '1'))
        as settings (name, value)`,
      values: [ms],
    });
    return { client, failure, close };
  } catch (error) {
    await close();
    throw failure(error);
  }
}

/** The rows of one SELECT, by a cursor of the server: some at a time, as they are taken. */
export async function readPostgres(
  server: Server,
  { sql, parameters }: { sql: string; parameters: Record<string, Cell> },
  signal: AbortSignal,
): Promise<RemoteContent> {
  const { text, values } = boundText(sql.replace(/[\s;]+$/, ''), parameters, 'postgresql', server.pieces);
  const { client, failure, close } = await begin(server, signal);
  const fetchRows = async (count: number) => {
    try {
      return await client.query<(string | null)[]>({ text: `fetch forward ${String(count)} from handoff_rows`, rowMode: 'array' });
    } catch (error) {
      throw failure(error);
    }
  };
  try {
    // The server takes one SELECT there and nothing else, with nothing in it that writes; and, by the extended protocol, one statement.
    const declaring = { text: `declare handoff_rows no scroll cursor for ${text}`, values, queryMode: 'extended' };
    await client.query(declaring).catch((error: unknown) => {
      throw failure(error);
    });
    let count = nextBatchRows();
    const first = await fetchRows(count);
    const columns = first.fields.map((field: PostgresField) => columnOf(field));
    const converting = columns.flatMap(({ convert }, index) => (convert ? [{ index, convert }] : []));
    const batches = async function* () {
      for (let rows = first.rows; rows.length > 0;) {
        const full = rows.length === count;
        count = nextBatchRows(rows);
        // While these are written, the next ones come.
        const next = full ? fetchRows(count) : undefined;
        next?.catch(() => undefined);
        for (const { index, convert } of converting)
          for (const row of rows) {
            const value = row[index];
            if (typeof value === 'string') row[index] = convert(value);
          }
        yield rows;
        rows = (await next)?.rows ?? [];
      }
    };
    return { columns: columns.map(({ column }) => column), batches: batches(), close };
  } catch (error) {
    await close();
    throw error;
  }
}

export async function checkPostgres(server: Server, signal: AbortSignal): Promise<{ serverVersion: string | null }> {
  const { client, failure, close } = await begin(server, signal);
  try {
    const { rows } = await client.query<{ version: string }>('show server_version');
    return { serverVersion: Object.values(rows[0] ?? {})[0] ?? null };
  } catch (error) {
    throw failure(error);
  } finally {
    await close();
  }
}
