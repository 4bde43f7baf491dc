import { createTransport } from 'nodemailer';
import MimeNode from 'nodemailer/lib/mime-node';
import type SMTPPool from 'nodemailer/lib/smtp-pool';
import { Readable } from 'node:stream';

import type { MailSender, OutgoingMessage } from '../../activities/mail-ports.ts';
import { AppError } from '../errors.ts';
import { isInternational } from './addresses.ts';
import { composeMail, envelopeOf } from './compose.ts';
import { type Gate, gateOf } from './content-gate.ts';
import { type DkimKey, signed, signs } from './dkim.ts';
import { mailFailure, oneLine } from './failure.ts';
import { createMoulds } from './moulds.ts';
import { secretsOf, transportOf } from './smtp-url.ts';
import { takesUtf8 } from './smtp-utf8.ts';

export interface SmtpSenderOptions {
  /** `smtp://` or `smtps://`. Options in its query, but for `tls`, are nodemailer's own and win over ours. */
  url: string;
  /** What it is called in outcomes. */
  name?: string;
  maxConnections?: number;
  /** For one message, its wait for a connection included, in milliseconds. Default: 8 minutes. */
  longestMs?: number;
  dkim?: DkimKey | undefined;
}

/** What the pool needs of a message: the rest of nodemailer's would compose it once more. */
type Leaving = { message: MimeNode; data: { signal: AbortSignal } };

/** The pool itself. A message that is aborted, or that the pool has no place for any more, is an error. */
function poolOf(transport: { transporter: object; getSocket?: unknown }) {
  const pool = transport.transporter as SMTPPool;
  // Through a proxy, if the URL names one: handed over by nodemailer's own `sendMail`, otherwise.
  if (typeof transport.getSocket === 'function') pool.getSocket = transport.getSocket as SMTPPool['getSocket'];
  return (mail: Leaving): Promise<{ response: string }> =>
    new Promise((resolve, reject) => {
      pool.send(mail as unknown as Parameters<SMTPPool['send']>[0], (error, info) => {
        if (info === undefined) reject(error ?? new Error('Sent without an answer'));
        else resolve(info);
      });
    });
}

/** No server takes a message that has no end. */
function heldBack(reason: unknown): AppError {
  for (const known of [reason, (reason as Error | undefined)?.cause]) if (known instanceof AppError) return known;
  return new AppError('storage_unavailable', 'The content of the message could not be read.', { retryable: true, cause: reason });
}

/**
 * Sends over a pool of connections. `send` also rejects with the signal's reason, unless the message has begun to leave:
 * then it goes on to the server's reply, because breaking off would leave nobody knowing whether the message was taken.
 *
 * @throws AppError `mail_configuration` for an unusable URL.
 */
export function createSmtpSender({ url, name = 'smtp', maxConnections = 5, longestMs = 480_000, dkim }: SmtpSenderOptions): MailSender {
  const secrets = secretsOf(url);
  // RFC 5321, 4.5.3.2: 5 minutes for MAIL and RCPT, 10 for the end of the message. Giving up there would leave it in doubt.
  const connecting = { ...transportOf(url), connectionTimeout: 20_000, greetingTimeout: 20_000, socketTimeout: 300_000 };
  const transport = createTransport({
    ...connecting,
    pool: true,
    maxConnections,
    maxMessages: Infinity,
    disableFileAccess: true,
    disableUrlAccess: true,
  });

  const pool = poolOf(transport);
  const moulds = createMoulds();

  /** Composed anew for each connection that is tried; the gate, around the signature, is read only after the server's reply to DATA. */
  async function leaving(message: OutgoingMessage, gate: Gate, signal: AbortSignal): Promise<Leaving> {
    const envelope = envelopeOf(message);
    const whole = await moulds.fill(message);
    const node = new MimeNode('', { baseBoundary: '-' }).setEnvelope(envelope).setHeader('Message-ID', message.messageId);
    node.createReadStream = () => {
      if (whole === undefined) return gate.around(signed(dkim, message, composeMail(message)));
      return gate.around(signs(dkim, message) ? signed(dkim, message, Readable.from([whole])) : whole);
    };
    return { message: node, data: { signal } };
  }

  let knowsUtf8 = false;
  async function assertTakes({ from, recipient }: OutgoingMessage): Promise<void> {
    if (knowsUtf8 || !(isInternational(recipient) || isInternational(from.address))) return;
    knowsUtf8 = await takesUtf8(connecting);
    if (!knowsUtf8) throw new AppError('mail_rejected', 'The mail server takes only addresses in ASCII (it has no SMTPUTF8, RFC 6531)');
  }

  const inFlight = new Set<Promise<unknown>>();
  let closed = false;

  async function send(message: OutgoingMessage, signal: AbortSignal, gate: Gate) {
    const attempt = new AbortController();
    // It may throw: before anything has to be undone.
    const mail = await leaving(message, gate, attempt.signal);
    signal.throwIfAborted();
    const giveUp = () => {
      if (!gate.begun()) attempt.abort();
    };
    signal.addEventListener('abort', giveUp, { once: true });
    const timer = setTimeout(() => {
      attempt.abort();
    }, longestMs);
    const sending = assertTakes(message).then(() => pool(mail));
    inFlight.add(sending);
    try {
      return { response: oneLine((await sending).response, secrets), provider: name };
    } catch (error) {
      const refusal = gate.refusal();
      if (refusal !== undefined) throw heldBack(refusal);
      if (error instanceof AppError) throw error;
      if (signal.aborted && !gate.begun()) throw signal.reason;
      const late = attempt.signal.aborted ? { code: 'ETIMEDOUT', originalCode: 'took too long' } : error;
      const failure = mailFailure(late, { secrets, whole: gate.ended() });
      if (failure !== undefined) throw failure;
      throw closed ? new AppError('mail_server_unreachable', 'The mail sender was closed', { retryable: true }) : error;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', giveUp);
      inFlight.delete(sending);
    }
  }

  return {
    async send(message, { signal, beforeContent, early }) {
      signal.throwIfAborted();
      return send(
        message,
        signal,
        gateOf(() => beforeContent(name), { early: early === true }),
      );
    },

    /** Messages that are being sent get their reply; those still waiting for a connection are refused. */
    async close() {
      closed = true;
      transport.close();
      await Promise.allSettled(inFlight);
    },
  };
}
