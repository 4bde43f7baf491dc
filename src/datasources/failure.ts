import { AppError } from '../errors.ts';

/** What the driver says, beside what the server says. */
interface DriverError {
  name?: string;
  code?: unknown;
  message?: string;
  /** Of OutboundError. */
  reason?: string;
}

const longest = 300;
/** For messages, which travel: nothing that may be a value. */
export const withoutValues = (message: string) => shortened(message.replaceAll(/'[^']*'|"[^"]*"|`[^`]*`|\([^)]*\)/g, '…'));
export const shortened = (message: string) => {
  const line = message.split('\n')[0]?.trim() ?? '';
  return line.length > longest ? `${line.slice(0, longest)}…` : line;
};

export const unreachable = (detail: string, cause?: unknown) => new AppError('data_source_unreachable', detail, { retryable: true, cause });
/** Somebody must mend settings, here or there; until then it is tried slowly. */
export const misconfigured = (detail: string, cause?: unknown) =>
  new AppError('data_source_configuration', detail, { retryable: true, cause });

const tlsCodes = /^(ERR_TLS_|CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|EPROTO$|ERR_SSL_|HANDSHAKE_SSL_ERROR$|ERR_OSSL_|HOSTNAME_MISMATCH$)/;
const networkCodes =
  /^(ECONN\w+|E?HOST\w+|ENET\w+|EHOST\w+|ETIMEDOUT|ENOTFOUND|EAI_\w+|EPIPE|EADDRNOTAVAIL|PROTOCOL_CONNECTION_LOST|PROTOCOL_SEQUENCE_TIMEOUT)$/;

export const queryTimeout = (seconds: number) => new AppError('query_timeout', `The query took longer than ${String(seconds)} seconds.`);

/** What keeps a connection from coming about, or ends it. @returns undefined: it is something else */
export function connectionFailure(error: unknown): AppError | undefined {
  if (error instanceof AppError) return error;
  const { name, code, message = '', reason } = (error ?? {}) as DriverError;
  if (name === 'OutboundError')
    return reason === 'refused'
      ? misconfigured('Requests to its address are not allowed: the operator of the installation can allow it.', error)
      : unreachable(reason === 'too_large' ? 'The answer is too large.' : 'It can not be reached, or takes too long.', error);
  const text = typeof code === 'string' ? code : '';
  if (
    tlsCodes.test(text) ||
    /does not support SSL|doesn't support SSL|server does not support secure|Server does not support secure/i.test(message)
  )
    return misconfigured('No TLS connection comes about, or the certificate of the server is not believed.', error);
  if (networkCodes.test(text)) return unreachable('It can not be reached.', error);
  if (/timeout expired|Connection terminated|connection timeout|Client has encountered a connection error|closed state/i.test(message))
    return unreachable('It can not be reached, or the connection broke.', error);
  return undefined;
}
