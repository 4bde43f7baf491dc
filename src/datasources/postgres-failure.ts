import { AppError } from '../errors.ts';
import { connectionFailure, misconfigured, queryTimeout, shortened, unreachable, withoutValues } from './failure.ts';

/** The server says them as it refuses a connection. */
const refusals = /^(28...|3D000|0P000|42501)$/;
/** It is full, starts, stops, or lost a race: another attempt may go well. */
const passing = /^(08...|53...|57P0[1-4]|40...|55P03|XX000)$/;

/**
 * What PostgreSQL's SQLSTATE means. Messages of class 42 tell about the text of the query; those of others may quote rows, and what a
 * function raises may say anything.
 */
export function postgresFailure(error: unknown, { connected, seconds }: { connected: boolean; seconds: number }): unknown {
  const state = (error as { code?: unknown } | null)?.code;
  const { message = '' } = (error ?? {}) as { message?: string };
  if (typeof state !== 'string' || !/^[0-9A-Z]{5}$/.test(state) || /^E[A-Z]+$/.test(state)) return connectionFailure(error) ?? error;
  if (!connected && refusals.test(state))
    return misconfigured(`The server refuses our user, password or database (SQLSTATE ${state}).`, error);
  if (passing.test(state)) return unreachable(`The server can not serve us now (SQLSTATE ${state}).`, error);
  if (state === '57014' || state === '25P03') return queryTimeout(seconds);
  if (state === '25006') return new AppError('query_invalid', 'The query would write: it runs in a transaction that only reads.');
  if (state.startsWith('42')) return new AppError('query_invalid', `${shortened(message)} (SQLSTATE ${state}).`);
  if (/^(0A|22|23)/.test(state)) return new AppError('query_invalid', `${withoutValues(message)} (SQLSTATE ${state}).`);
  return new AppError('query_invalid', `The query failed with SQLSTATE ${state}.`);
}
