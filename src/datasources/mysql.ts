import { once } from 'node:events';
import { connect } from 'node:net';

import type { Connection } from 'mysql2';

import { AppError } from '../errors.ts';
import type { RemoteContent, ServerSettings } from '../jobs/data-sources.ts';
import type { Cell } from '../jobs/report-sources.ts';
import { destination } from './address.ts';
import { misconfigured, queryTimeout } from './failure.ts';
import { columnOf, type MysqlField, textOf } from './mysql-columns.ts';
import { mysqlFailure } from './mysql-failure.ts';
import { boundText } from './named-parameters.ts';
import type { Server } from './postgres.ts';

const connectMs = 10_000;
const batchRows = 500;

/** An optional package. @throws AppError `data_source_configuration` */
async function driver() {
  try {
    return (await import('mysql2')).default;
  } catch (error) {
    throw misconfigured('The package mysql2 is not installed here: without it there are no data sources of the kind mysql.', error);
  }
}

async function connected(
  { host, port, database, user, tls, ca }: ServerSettings,
  { password = '', vetted }: Pick<Server, 'password' | 'vetted'>,
) {
  const mysql = await driver();
  const { address } = await destination(host, vetted);
  const connection = mysql.createConnection({
    // The certificate must have this name, wherever the connection leads.
    ...{ host, port, database, user, password, connectTimeout: connectMs },
    stream: () => connect({ host: address, port, keepAlive: true }),
    ...(tls === 'verify-full' && {
      ssl: { rejectUnauthorized: true, verifyIdentity: true, minVersion: 'TLSv1.2', ...(ca !== undefined && { ca }) },
    }),
    // No file of ours is sent, whatever the server asks for.
    flags: ['-LOCAL_FILES'],
    ...{ multipleStatements: false, dateStrings: true, supportBigNumbers: true, bigNumberStrings: true, jsonStrings: true, timezone: 'Z' },
  });
  connection.on('error', () => undefined);
  await new Promise<void>((resolve, reject) => {
    connection.connect((error) => {
      if (error) reject(error);
      else resolve();
    });
  }).catch((error: unknown) => {
    connection.destroy();
    throw error;
  });
  return connection;
}

const run = (connection: Connection, sql: string) =>
  new Promise<unknown>((resolve, reject) => {
    connection.query(sql, (error, result) => {
      if (error) reject(error);
      else resolve(result);
    });
  });

interface Session {
  connection: Connection;
  version: string;
  failure: (error: unknown) => unknown;
  close: () => Promise<void>;
}

async function begin(server: Server, cancelled: AbortSignal): Promise<Session> {
  const { settings, seconds } = server;
  const deadline = AbortSignal.timeout(seconds * 1000);
  const signal = AbortSignal.any([cancelled, deadline]);
  const failure = (error: unknown) => {
    cancelled.throwIfAborted();
    return deadline.aborted ? queryTimeout(seconds) : mysqlFailure(error, { seconds });
  };
  const connection = await connected(settings, server).catch((error: unknown) => {
    throw failure(error);
  });
  const abort = () => {
    void connected(settings, server)
      .then(async (other) => {
        await run(other, `kill query ${String(connection.threadId)}`).catch(() => undefined);
        other.destroy();
      })
      .catch(() => undefined)
      .finally(() => {
        connection.destroy();
      });
  };
  signal.addEventListener('abort', abort, { once: true });
  const close = () => {
    signal.removeEventListener('abort', abort);
    connection.destroy();
    return Promise.resolve();
  };
  try {
    signal.throwIfAborted();
    const [row] = (await run(connection, 'select version() as version')) as { version: string }[];
    const version = row?.version ?? '';
    const limit = version.includes('MariaDB')
      ? `max_statement_time = ${String(seconds)}`
      : `max_execution_time = ${String(seconds * 1000)}`;
    await run(connection, `set session ${limit}`);
    await run(connection, "set session time_zone = '+00:00'");
    await run(connection, 'set session transaction isolation level repeatable read, read only');
    await run(connection, 'start transaction with consistent snapshot, read only');
    return { connection, version, failure, close };
  } catch (error) {
    await close();
    throw failure(error);
  }
}

/** The rows of one SELECT, as the server sends them and no sooner than they are taken. */
export async function readMysql(
  server: Server,
  { sql, parameters }: { sql: string; parameters: Record<string, Cell> },
  signal: AbortSignal,
): Promise<RemoteContent> {
  const { text, values } = boundText(sql.replace(/[\s;]+$/, ''), parameters, 'mysql', server.pieces);
  if (!/^(\s|\(|--\s[^\n]*\n|#[^\n]*\n|\/\*(?!!)[^]*?\*\/)*(select|with|values|table)\b/i.test(text))
    throw new AppError('query_invalid', 'The query must be a SELECT: nothing else is run.');
  const { connection, failure, close } = await begin(server, signal);
  try {
    const rows = connection.execute({ sql: text, values, rowsAsArray: true }).stream({ highWaterMark: batchRows });
    rows.on('error', () => undefined);
    const [fields] = (await once(rows, 'fields').catch((error: unknown) => {
      throw failure(error);
    })) as [MysqlField[]];
    const columns = fields.map(columnOf);
    const batches = async function* () {
      let batch: (string | null)[][] = [];
      try {
        for await (const row of rows as AsyncIterable<unknown[]>) {
          batch.push(columns.map((column, index) => textOf(row[index], column)));
          if (batch.length < batchRows) continue;
          yield batch;
          batch = [];
        }
      } catch (error) {
        throw failure(error);
      }
      yield batch;
    };
    return { columns, batches: batches(), close };
  } catch (error) {
    await close();
    throw error;
  }
}

export async function checkMysql(server: Server, signal: AbortSignal): Promise<{ serverVersion: string | null }> {
  const { version, close } = await begin(server, signal);
  await close();
  return { serverVersion: version };
}
