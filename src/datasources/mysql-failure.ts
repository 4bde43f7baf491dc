import { AppError } from '../errors.ts';
import { connectionFailure, misconfigured, queryTimeout, shortened, unreachable, withoutValues } from './failure.ts';

const refusals =
  /^ER_(ACCESS_DENIED|DBACCESS_DENIED|BAD_DB|NOT_SUPPORTED_AUTH|ACCOUNT_HAS_BEEN_LOCKED|MUST_CHANGE_PASSWORD|HOST_NOT_PRIVILEGED|HOST_IS_BLOCKED|AUTH)/;
const passing =
  /^ER_(CON_COUNT_ERROR|TOO_MANY_USER_CONNECTIONS|USER_LIMIT_REACHED|LOCK_|SERVER_SHUTDOWN|NORMAL_SHUTDOWN|OUT_OF_RESOURCES|OUTOFMEMORY)/;
const ended = /^ER_(QUERY_TIMEOUT|STATEMENT_TIMEOUT|QUERY_INTERRUPTED)/;
/** By number too: servers are not of one mind about names. */
const numbers: Readonly<Record<number, string>> = { 1969: 'ER_STATEMENT_TIMEOUT', 3024: 'ER_QUERY_TIMEOUT', 1317: 'ER_QUERY_INTERRUPTED' };

/** What an error of MySQL or MariaDB means; values stay out of messages. */
export function mysqlFailure(error: unknown, { seconds }: { seconds: number }): unknown {
  const {
    code: said,
    errno = 0,
    sqlState = '',
    message = '',
  } = (error ?? {}) as { code?: string; errno?: number; sqlState?: string; message?: string };
  const code = numbers[errno] ?? said;
  if (typeof code !== 'string' || !code.startsWith('ER_')) return connectionFailure(error) ?? error;
  if (refusals.test(code)) return misconfigured(`The server refuses our user, password or database (${code}).`, error);
  if (passing.test(code) || sqlState.startsWith('08') || sqlState.startsWith('40'))
    return unreachable(`The server can not serve us now (${code}).`, error);
  if (ended.test(code)) return queryTimeout(seconds);
  if (errno === 1792) return new AppError('query_invalid', 'The query would write: it runs in a transaction that only reads.');
  if (sqlState.startsWith('42')) return new AppError('query_invalid', `${shortened(message)} (${code}).`);
  return new AppError(
    'query_invalid',
    sqlState.startsWith('22') ? `${withoutValues(message)} (${code}).` : `The query failed with ${code}.`,
  );
}
