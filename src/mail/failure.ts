import { AppError, type ErrorCode } from '../errors.ts';

/** What nodemailer tells of a failure; its `code` alone is the same for greylisting and for an unknown user. */
interface SmtpError {
  code?: string;
  originalCode?: string;
  timeoutType?: string;
  /** The command that was answered; `CONN` before the first, and when the connection itself failed. */
  command?: string;
  response?: string;
  responseCode?: number;
}

/** RFC 4954, section 6. Servers give them at MAIL FROM, RCPT TO and DATA too, when they want other credentials from us. */
const aboutCredentials = new Set([530, 534, 535, 538]);

/** The reply is about this message; at every earlier command it is about us. */
const aboutMessage = /^(?:MAIL FROM|RCPT TO|DATA)/;

const withoutReply: Record<string, ErrorCode> = {
  ECONNECTION: 'mail_server_unreachable',
  ESOCKET: 'mail_server_unreachable',
  ETIMEDOUT: 'mail_server_unreachable',
  EDNS: 'mail_server_unreachable',
  ETLS: 'mail_server_unreachable',
  EPROTOCOL: 'mail_server_unreachable',
  EPROXY: 'mail_server_unreachable',
  EAUTH: 'mail_configuration',
  ENOAUTH: 'mail_configuration',
  EOAUTH2: 'mail_configuration',
  ECONFIG: 'mail_configuration',
  EREQUIRETLS: 'mail_configuration',
  EENVELOPE: 'mail_rejected',
  EMESSAGE: 'mail_rejected',
};

function classify({ code = '', command = '', response = '', responseCode }: SmtpError): ErrorCode | undefined {
  if (responseCode === undefined) return withoutReply[code];
  if (responseCode < 500) return 'mail_refused_for_now';
  if (aboutCredentials.has(responseCode) || /^\d{3}[ -]5\.7\.[89]\b/.test(response)) return 'mail_configuration';
  if (!aboutMessage.test(command)) return 'mail_configuration';
  // "Bad sequence of commands" is about the session: on a new connection the same message may pass.
  return responseCode === 503 ? 'mail_refused_for_now' : 'mail_rejected';
}

/** A server's reply in one line: no control characters, at most 500 characters, nothing that was given as secret. */
export function oneLine(reply: string, secrets: readonly string[] = []): string {
  let line = reply
    .replace(/\r?\n\d{3}[ -](?:\d\.\d{1,3}\.\d{1,3} )?/g, ' ')
    .replace(/^(\d{3})-/, '$1 ')
    .replace(/[\p{Cc}\u2028\u2029]+/gu, ' ')
    .trim();
  for (const secret of secrets) line = line.replaceAll(secret, '***');
  return Array.from(line).slice(0, 500).join('');
}

export interface FailureContext {
  secrets: readonly string[];
  /** Part of the message may have left before the failure. */
  begun: boolean;
}

function wording(code: ErrorCode, error: SmtpError, { secrets, begun }: FailureContext): string {
  if (error.response !== undefined) return oneLine(error.response, secrets);
  if (code === 'mail_rejected') return 'The message or its address can not be given to this mail server';
  const detail = error.originalCode ?? error.timeoutType ?? error.code ?? 'unknown';
  if (code === 'mail_configuration') return `The settings for the mail server do not work: ${detail}`;
  return begun
    ? `The mail server was lost while the message was handed over, it may have been taken: ${detail}`
    : `The mail server could not be reached: ${detail}`;
}

/**
 * @returns `undefined` for what is no failure of SMTP. Without the cause: nodemailer's errors quote the reply unabridged,
 * and hosts and ports.
 */
export function mailFailure(error: unknown, context: FailureContext): AppError | undefined {
  const smtp = (typeof error === 'object' && error !== null ? error : {}) as SmtpError;
  const code = classify(smtp);
  if (code === undefined) return undefined;
  return new AppError(code, wording(code, smtp, context), { retryable: code !== 'mail_rejected' });
}
