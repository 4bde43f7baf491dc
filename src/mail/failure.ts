import { AppError, type ErrorCode, type Patience } from '../errors.ts';

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

/** RFC 3463: no such mailbox, no such system, a bad address, moved away without trace, no mail for this domain (RFC 7505). */
const noSuchRecipient = /^5\.1\.(?:1|2|3|6|10)$/;

/** Of those who say no more than "later", whoever greylists names the reason, or the rule (X.7.X). */
const namesGreylisting = /gr[ae]y-?list/i;
const asksToComeBack = /gr[ae]y-?list|try again later|deferred/i;

const enhancedOf = (response: string) => /^\d{3}[ -]([245]\.\d{1,3}\.\d{1,3})(?![.\d])/.exec(response)?.[1];

function classify({ code = '', command = '', response = '', responseCode }: SmtpError): ErrorCode | undefined {
  if (responseCode === undefined) return withoutReply[code];
  if (responseCode < 500) return 'mail_refused_for_now';
  const enhanced = enhancedOf(response);
  if (aboutCredentials.has(responseCode) || enhanced === '5.7.8' || enhanced === '5.7.9') return 'mail_configuration';
  if (!aboutMessage.test(command)) return 'mail_configuration';
  // "Bad sequence of commands" is about the session: on a new connection the same message may pass.
  if (responseCode === 503) return 'mail_refused_for_now';
  // At MAIL FROM the address is ours. A bare 550 may be policy as well (RFC 5321, 4.2.3), a bare 553 too; 551 is about the user only.
  const aboutRecipient = enhanced === undefined ? responseCode === 551 : noSuchRecipient.test(enhanced);
  return aboutRecipient && !command.startsWith('MAIL') ? 'recipient_rejected' : 'mail_rejected';
}

/** How long a refusal for now lasts, as far as the reply tells. */
function patienceOf({ command = '', response = '', responseCode }: SmtpError): Patience | undefined {
  const enhanced = enhancedOf(response);
  if (!aboutMessage.test(command) || responseCode === undefined || responseCode >= 500) return undefined;
  if (enhanced === '4.2.2') return 'mailbox_full';
  if (responseCode !== 450 && responseCode !== 451) return undefined;
  if (enhanced === undefined) return asksToComeBack.test(response) ? 'greylisted' : undefined;
  return enhanced.startsWith('4.7.') || namesGreylisting.test(response) ? 'greylisted' : undefined;
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
  /** All of the message had left before the failure. */
  whole: boolean;
}

function wording(code: ErrorCode, error: SmtpError, { secrets }: FailureContext): string {
  if (error.response !== undefined) return oneLine(error.response, secrets);
  if (code === 'mail_rejected') return 'The message or its address can not be given to this mail server';
  const detail = error.originalCode ?? error.timeoutType ?? error.code ?? 'unknown';
  if (code === 'mail_configuration') return `The settings for the mail server do not work: ${detail}`;
  if (code === 'delivery_in_doubt')
    return `The mail server was lost after the whole message and before its answer, it may have been taken: ${detail}`;
  return `The mail server could not be reached, or was lost before it had the whole message: ${detail}`;
}

/**
 * @returns `undefined` for what is no failure of SMTP. Without the cause: nodemailer's errors quote the reply unabridged,
 * and hosts and ports.
 */
export function mailFailure(error: unknown, context: FailureContext): AppError | undefined {
  const smtp = (typeof error === 'object' && error !== null ? error : {}) as SmtpError;
  const found = classify(smtp);
  if (found === undefined) return undefined;
  // A reply always tells. Without one nobody knows, once the end of the message may have arrived (RFC 5321, 6.1).
  const code = context.whole && smtp.responseCode === undefined ? 'delivery_in_doubt' : found;
  const patience = patienceOf(smtp);
  const retryable = code !== 'mail_rejected' && code !== 'recipient_rejected';
  return new AppError(code, wording(code, smtp, context), { retryable, ...(patience && { patience }) });
}
