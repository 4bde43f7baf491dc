import type { Readable } from 'node:stream';

import { createTransport } from 'nodemailer';

import type { MailSender, OutgoingMessage } from '../../activities/mail-ports.ts';
import { AppError } from '../errors.ts';
import { isInternational } from './addresses.ts';
import { composeMail, envelopeOf } from './compose.ts';
import { type DkimKey, signed } from './dkim.ts';
import { mailFailure, oneLine } from './failure.ts';
import { secretsOf, transportOf } from './smtp-url.ts';
import { takesUtf8 } from './smtp-utf8.ts';

export interface SmtpSenderOptions {
  /** `smtp://` or `smtps://`. Options in its query, but for `tls`, are nodemailer's own and win over ours. */
  url: string;
  /** What it is called in outcomes. */
  name?: string;
  maxConnections?: number;
  dkim?: DkimKey | undefined;
}

/**
 * Sends over a pool of connections. `send` also rejects with the signal's reason, unless the message has begun to leave:
 * then it goes on to the server's reply, because breaking off would leave nobody knowing whether the message was taken.
 *
 * @throws AppError `mail_configuration` for an unusable URL.
 */
export function createSmtpSender({ url, name = 'smtp', maxConnections = 5, dkim }: SmtpSenderOptions): MailSender {
  const secrets = secretsOf(url);
  const connecting = { ...transportOf(url), connectionTimeout: 20_000, greetingTimeout: 20_000, socketTimeout: 60_000 };
  const transport = createTransport({
    ...connecting,
    pool: true,
    maxConnections,
    maxMessages: Infinity,
    disableFileAccess: true,
    disableUrlAccess: true,
  });

  // Composed anew for each connection that is tried. A message has begun to leave once its stream has been read: that
  // happens only after the server's reply to DATA.
  const messages = new WeakMap<AbortSignal, OutgoingMessage>();
  const bodies = new WeakMap<AbortSignal, Readable>();
  transport.use('stream', ({ message, data: { signal } }, next) => {
    message.processFunc((nothing) => {
      const outgoing = signal && messages.get(signal);
      if (outgoing === undefined) throw new Error('A message from nowhere');
      nothing.resume();
      const body = signed(dkim, outgoing, composeMail(outgoing));
      bodies.set(signal as AbortSignal, body);
      return body;
    });
    next();
  });

  let knowsUtf8 = false;
  async function assertTakes({ from, recipient }: OutgoingMessage): Promise<void> {
    if (knowsUtf8 || !(isInternational(recipient) || isInternational(from.address))) return;
    knowsUtf8 = await takesUtf8(connecting);
    if (!knowsUtf8) throw new AppError('mail_rejected', 'The mail server takes only addresses in ASCII (it has no SMTPUTF8, RFC 6531)');
  }

  const inFlight = new Set<Promise<unknown>>();
  let closed = false;

  return {
    async send(message, { signal, beforeContent }) {
      signal.throwIfAborted();
      const mail = { envelope: envelopeOf(message), messageId: message.messageId };
      await beforeContent(name);
      signal.throwIfAborted();
      const attempt = new AbortController();
      messages.set(attempt.signal, message);
      const begun = () => bodies.get(attempt.signal)?.readableDidRead ?? false;
      const giveUp = () => {
        if (!begun()) attempt.abort();
      };
      signal.addEventListener('abort', giveUp, { once: true });
      const sending = assertTakes(message).then(() => transport.sendMail({ ...mail, signal: attempt.signal }));
      inFlight.add(sending);
      try {
        const { response } = await sending;
        return { response: oneLine(response, secrets), provider: name };
      } catch (error) {
        if (attempt.signal.aborted) throw signal.reason;
        const known = error instanceof AppError ? error : (error as Error).cause;
        if (known instanceof AppError) throw known;
        const failure = mailFailure(error, { secrets, begun: begun() });
        if (failure !== undefined) throw failure;
        throw closed ? new AppError('mail_server_unreachable', 'The mail sender was closed', { retryable: true }) : error;
      } finally {
        signal.removeEventListener('abort', giveUp);
        inFlight.delete(sending);
      }
    },

    /** Messages that are being sent get their reply; those still waiting for a connection are refused. */
    async close() {
      closed = true;
      transport.close();
      await Promise.allSettled(inFlight);
    },
  };
}
