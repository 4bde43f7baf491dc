import { AppError, type ErrorCode } from '../../errors.ts';
import type { OutboundError } from '../../outbound/outbound-error.ts';
import type { GuardedFetch, OutboundAnswer } from '../../outbound/guarded-fetch.ts';
import { oneLine } from '../failure.ts';
import { ProviderPause } from './pause.ts';

/** For one request and its answer. */
export const requestTimeoutMs = 30_000;
const maxAnswerBytes = 64 * 1024;
/** Whatever a provider asks for: a mistake of theirs must not stop all mail for a day. */
const longestPauseSeconds = 3_600;

/** Answers of something in between, which does not know what became of the request. */
const betweenUs = new Set([502, 504]);

export interface Speaker {
  /** As people call it. */
  label: string;
  /** Of the request, in all the forms in which an answer could repeat them. */
  secrets: readonly string[];
  /** The same request may be sent again: the provider knows it by its key. */
  repeatable: boolean;
}

/** Why a provider does not take a message, in its own words. */
export interface Refusal {
  code: ErrorCode;
  /** Kind and text of the error, as the answer has them. */
  words: readonly unknown[];
}

const permanent = new Set<ErrorCode>(['mail_rejected', 'recipient_rejected']);
const address = /[^\s<>"'(),;:]+@[^\s<>"'(),;:]+/g;

/** @param words of the provider; addresses in them are not passed on. */
export function refused({ label, secrets }: Pick<Speaker, 'label' | 'secrets'>, { code, words }: Refusal, pauseSeconds?: number): AppError {
  const said = words.filter((word) => (typeof word === 'string' && word !== '') || typeof word === 'number').join(' ');
  const text = oneLine(`${label}: ${said || 'refused'}`, secrets).replace(address, '…');
  return pauseSeconds === undefined
    ? new AppError(code, text, { retryable: !permanent.has(code) })
    : new ProviderPause(code, text, pauseSeconds);
}

/** @returns seconds, or undefined. RFC 9110, 10.2.3: a number, or a date. */
export function retryAfterOf(value: string | undefined, now = Date.now()): number | undefined {
  if (value === undefined) return undefined;
  const seconds = /^\d+(\.\d+)?$/.test(value.trim()) ? Number(value) : (Date.parse(value) - now) / 1000;
  return Number.isFinite(seconds) ? Math.min(Math.max(Math.ceil(seconds), 1), longestPauseSeconds) : undefined;
}

/** By its name: whose class it is is nothing that mail knows. */
export function isOutbound(error: unknown): error is OutboundError {
  return error instanceof Error && error.name === 'OutboundError';
}

/** What a request that got no answer means. */
export function unanswered({ label, repeatable }: Speaker, error: OutboundError): AppError {
  if (error.reason === 'refused')
    return new AppError('mail_configuration', `${label}: its address may not be reached; see HANDOFF_OUTBOUND_ALLOW`, { retryable: true });
  const text = error.reason === 'timed_out' ? 'did not answer in time' : error.reason === 'too_large' ? 'answered too much' : 'was lost';
  if (!error.connected) return new AppError('mail_server_unreachable', `${label} could not be reached`, { retryable: true });
  if (repeatable) return new AppError('mail_server_unreachable', `${label} ${text}`, { retryable: true });
  return new AppError('delivery_in_doubt', `${label} ${text}, it may have taken the message`, { retryable: true });
}

/** @throws AppError for what no provider's own table knows better: too many requests, out of order, nobody knows. */
export function assertAnswered(
  speaker: Speaker,
  { status, headers }: Pick<OutboundAnswer, 'status' | 'headers'>,
  words: readonly unknown[],
): void {
  const pause = retryAfterOf(headers['retry-after']);
  if (status === 429) throw refused(speaker, { code: 'mail_refused_for_now', words: [status, ...words] }, pause);
  if (status < 500) return;
  if (betweenUs.has(status) && !speaker.repeatable)
    throw refused(speaker, { code: 'delivery_in_doubt', words: [status, 'it may have taken the message'] });
  throw refused(speaker, { code: status === 503 ? 'mail_refused_for_now' : 'mail_server_unreachable', words: [status, ...words] }, pause);
}

/** A POST that waits for its answer. There is no way back once it has begun: see `MailSender`. */
export async function post(
  fetch: GuardedFetch,
  speaker: Speaker,
  { url, headers, body }: { url: string; headers: Record<string, string>; body: object },
): Promise<{ status: number; headers: OutboundAnswer['headers']; json: Record<string, unknown> }> {
  try {
    const answer = await fetch(url, {
      method: 'POST',
      headers: { Accept: 'application/json', 'Content-Type': 'application/json', ...headers },
      body: JSON.stringify(body),
      timeoutMs: requestTimeoutMs,
      maxBytes: maxAnswerBytes,
    });
    return { status: answer.status, headers: answer.headers, json: objectIn(answer.body.toString()) };
  } catch (error) {
    throw isOutbound(error) ? unanswered(speaker, error) : error;
  }
}

function objectIn(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    // Something in between answered with a page of its own.
    return {};
  }
}
